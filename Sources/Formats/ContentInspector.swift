import Core

/// What a file is taken for.
public enum ContentRules: Hashable, Sendable {
  case table(TableRules)
  case json(JSONRules)
  /// Most bytes that it may have.
  case opaque(most: UInt64)

  public var maxBytes: UInt64 {
    get {
      switch self {
      case .table(let rules): rules.maxBytes
      case .json(let rules): rules.maxBytes
      case .opaque(let most): most
      }
    }
    set {
      switch self {
      case .table(var rules):
        rules.maxBytes = newValue
        self = .table(rules)
      case .json(var rules):
        rules.maxBytes = newValue
        self = .json(rules)
      case .opaque: self = .opaque(most: newValue)
      }
    }
  }
}

/// Checks one file as it is read, as what it is taken for.
public struct ContentInspector: ~Copyable {
  private var table: TableInspector?
  private var json: JSONInspector?
  private var opaque: OpaqueInspector?

  /// - Parameter sink: is told of bad rows and of keys.
  public init(_ rules: ContentRules, sink: (any RowSink)? = nil) {
    switch rules {
    case .table(let rules): table = TableInspector(rules: rules, sink: sink)
    case .json(let rules): json = JSONInspector(rules: rules, sink: sink)
    case .opaque: opaque = OpaqueInspector()
    }
  }

  /// The file is refused, and no further byte can change why.
  public var isDecided: Bool {
    switch table {
    case .some(let table): return table.isDecided
    case .none: break
    }
    switch json {
    case .some(let json): return json.isDecided
    case .none: return false
    }
  }

  /// The file's next bytes, as they arrived.
  public mutating func feed(_ raw: UnsafeRawBufferPointer) {
    table?.feed(raw)
    json?.feed(raw)
    opaque?.feed(raw)
  }

  /// The file has ended. To be called once.
  public mutating func finish() -> Inspection {
    if let inspection = table?.finish() { return inspection }
    if let inspection = json?.finish() { return inspection }
    if let inspection = opaque?.finish() { return inspection }
    preconditionFailure("a file is taken for something")
  }
}
