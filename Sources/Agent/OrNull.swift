/// A value that may be missing: in JSON it is null then, and not absent, so that who reads it sees that there could be one.
@propertyWrapper
public struct OrNull<Value: Encodable & Sendable>: Encodable, Sendable {
  public var wrappedValue: Value?

  public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  public func encode(to encoder: any Encoder) throws {
    var to = encoder.singleValueContainer()
    if let wrappedValue { try to.encode(wrappedValue) } else { try to.encodeNil() }
  }
}
