/// One metric: what it is called, what it means, and its samples in a snapshot.
public struct MetricFamily: Sendable {
  /// Those that OpenMetrics and the older text format both know.
  public enum Kind: String, Sendable { case gauge, counter, summary }

  public struct Sample: Hashable, Sendable {
    /// After the family's name: `_total`, `_sum`, `_count`, or nothing.
    var suffix = ""
    var labels: [(name: String, value: String)] = []
    var value: Double

    public static func == (a: Self, b: Self) -> Bool {
      a.suffix == b.suffix && a.value == b.value && a.labels.elementsEqual(b.labels, by: ==)
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(value) }
  }

  /// Without the suffix of a counter.
  public let name: String
  public let kind: Kind
  /// The last word of the name where it is a unit.
  public let unit: String?
  public let help: String
  public let labels: [String]
  let samples: @Sendable (MetricsSnapshot) -> [Sample]

  /// As dashboards and rules name them.
  public var series: [String] {
    switch kind {
    case .gauge: [name]
    case .counter: [name + "_total"]
    case .summary: [name + "_count", name + "_sum"]
    }
  }

  init(
    _ name: String, kind: Kind = .gauge, unit: String? = nil, _ help: String, labels: [String] = [],
    _ samples: @escaping @Sendable (MetricsSnapshot) -> [Sample]
  ) {
    self.name = "navette_" + name
    self.kind = kind
    self.unit = unit
    self.help = help
    self.labels = labels
    self.samples = samples
  }
}

// MARK: - The usual shapes

extension MetricFamily {
  private static func suffix(_ kind: Kind) -> String { kind == .counter ? "_total" : "" }

  /// One figure; nil: none today.
  static func one(
    _ name: String, kind: Kind = .gauge, unit: String? = nil, _ help: String,
    _ value: @escaping @Sendable (MetricsSnapshot) -> Double?
  ) -> MetricFamily {
    MetricFamily(name, kind: kind, unit: unit, help) {
      value($0).map { [Sample(suffix: suffix(kind), value: $0)] } ?? []
    }
  }

  /// One figure for each feed, stream or store.
  static func each<Item>(
    _ label: String, _ items: @escaping @Sendable (MetricsSnapshot) -> [Item],
    _ itemName: @escaping @Sendable (Item) -> String, _ name: String, kind: Kind = .gauge, unit: String? = nil,
    _ help: String, _ value: @escaping @Sendable (Item) -> Double?
  ) -> MetricFamily {
    MetricFamily(name, kind: kind, unit: unit, help, labels: [label]) { snapshot in
      items(snapshot).compactMap { item in
        value(item).map { Sample(suffix: suffix(kind), labels: [(label, itemName(item))], value: $0) }
      }
    }
  }

  /// The same, once for each word of a closed list; words that were not counted are 0.
  static func split<Item>(
    _ label: String, _ items: @escaping @Sendable (MetricsSnapshot) -> [Item],
    _ itemName: @escaping @Sendable (Item) -> String, by other: String, _ words: [String], _ name: String,
    kind: Kind = .gauge, _ help: String, _ counts: @escaping @Sendable (Item) -> [String: Int]
  ) -> MetricFamily {
    MetricFamily(name, kind: kind, help, labels: [label, other]) { snapshot in
      items(snapshot).flatMap { item in
        words.map { word in
          Sample(
            suffix: suffix(kind), labels: [(label, itemName(item)), (other, word)],
            value: Double(counts(item)[word] ?? 0))
        }
      }
    }
  }
}
