/// Arithmetic for numbers that come from outside (sizes, offsets, times of files, manifests, listings, headers, plans): it ends at the type's
/// bounds instead of ending the process. What is absurd stays absurd and is refused by the bound that it is compared with.
/// A house rule keeps the bare operators away from such numbers.
infix operator +| : AdditionPrecedence
infix operator -| : AdditionPrecedence
infix operator *| : MultiplicationPrecedence
infix operator +|= : AssignmentPrecedence

extension FixedWidthInteger {
  @inlinable public static func +| (a: Self, b: Self) -> Self {
    let (sum, overflow) = a.addingReportingOverflow(b)
    guard overflow else { return sum }
    return b < 0 ? .min : .max
  }

  @inlinable public static func -| (a: Self, b: Self) -> Self {
    let (difference, overflow) = a.subtractingReportingOverflow(b)
    guard overflow else { return difference }
    return b > 0 ? .min : .max
  }

  @inlinable public static func *| (a: Self, b: Self) -> Self {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    guard overflow else { return product }
    return (a < 0) == (b < 0) ? .max : .min
  }

  @inlinable public static func +|= (a: inout Self, b: Self) { a = a +| b }
}

extension Sequence {
  /// The sum, ending at the type's bound.
  public func total<Number: FixedWidthInteger>(_ number: (Element) throws -> Number) rethrows -> Number {
    try reduce(into: 0) { $0 +|= try number($1) }
  }
}
