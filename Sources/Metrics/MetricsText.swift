/// A snapshot as OpenMetrics 1.0 text.
///
/// Types are kept to those that the older Prometheus text format has too, so that node_exporter's textfile collector, which reads that
/// one, takes the same bytes: there `# UNIT` and `# EOF` are remarks, and a counter has no type because the older format puts
/// `_total` into the name of the family (`docs/decisions`).
public enum MetricsText {
  public static let mediaType: StaticString = "application/openmetrics-text; version=1.0.0; charset=utf-8"
  /// For whoever does not ask for OpenMetrics.
  public static let olderMediaType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

  public static func render(_ snapshot: MetricsSnapshot) -> String {
    var text = ""
    for family in MetricFamily.all {
      let samples = family.samples(snapshot)
      guard !samples.isEmpty else { continue }
      text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
      if let unit = family.unit { text += "# UNIT \(family.name) \(unit)\n" }
      text += "# HELP \(family.name) \(family.help)\n"
      for sample in samples {
        let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",")
        text += "\(family.name)\(sample.suffix)\(labels.isEmpty ? "" : "{\(labels)}") \(number(sample.value))\n"
      }
    }
    return text + "# EOF\n"
  }

  /// Whole numbers without a point, as far as a double holds them exactly.
  static func number(_ value: Double) -> String {
    value.rounded() == value && value.magnitude < 9_007_199_254_740_992 ? "\(Int64(value))" : "\(value)"
  }

  static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\"", with: "\\\"")
  }
}
