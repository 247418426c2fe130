import Core

/// Whether a value is a day or an instant, and whether AEP's data preparation knows its form by itself.
enum StampForm: Hashable {
  case known
  /// Why not.
  case unknown(String)

  /// Nil: it is no such value.
  init?(_ value: [UInt8]) {
    guard (8...40).contains(value.count), let text = String(validating: value, as: UTF8.self) else { return nil }
    if let match = text.wholeMatch(of: Self.yearFirst) {
      self = Self.judge(
        separator: match.output.separator, between: match.output.between, fraction: match.output.fraction,
        zone: match.output.zone)
    } else if text.wholeMatch(of: Self.yearLast) != nil {
      self = .unknown("the day or the month comes first, and AEP reads the month first")
    } else {
      return nil
    }
  }

  private static func judge(
    separator: Substring, between: Substring?, fraction: Substring?, zone: Substring?
  ) -> StampForm {
    guard let between else {
      return separator == "." ? .unknown("days are known with hyphens or slashes alone") : .known
    }
    if separator != "-" {
      return .unknown("a time behind a day with slashes or dots is not among the forms that it knows")
    }
    let zone = zone?.drop { $0 == " " } ?? ""
    guard !zone.isEmpty else {
      return .unknown(
        fraction == nil
          ? "without an offset from UTC or a Z, its zone is guessed" : "without an offset, decimals are dropped")
    }
    if zone.first?.isLetter == true, zone != "Z" {
      return .unknown("the name of a zone is not known: write Z, or an offset")
    }
    return between == " " && fraction != nil ? .unknown("with decimals, a T stands before the time") : .known
  }

  private static var yearFirst:
    Regex<(Substring, separator: Substring, between: Substring?, fraction: Substring?, zone: Substring?)>
  {
    /\d{4}(?<separator>[-\/.])\d{1,2}[-\/.]\d{1,2}(?:(?<between>[ T])\d{1,2}:\d{2}(?::\d{2}(?<fraction>[.,]\d+)?)?(?<zone> ?(?:[A-Z]{1,4}|[-+]\d{2}:?(?:\d{2})?))?)?/
  }

  private static var yearLast: Regex<Substring> { /\d{1,2}[-\/.]\d{1,2}[-\/.]\d{4}(?:[ T]\d{1,2}:\d{2}.*)?/ }
}
