/// Amounts as a line of small bars, the largest as high as a line is.
enum Sparkline {
  private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// - Parameter width: fewer columns than amounts: neighbours are added up.
  static func text(_ amounts: [UInt64], width: Int) -> String {
    guard width > 0, !amounts.isEmpty else { return "" }
    let columns = min(width, amounts.count)
    var sums = [UInt64](repeating: 0, count: columns)
    for (index, amount) in amounts.enumerated() { sums[index * columns / amounts.count] += amount }
    guard let most = sums.max(), most > 0 else { return String(repeating: "▁", count: columns) }
    return String(
      sums.map { sum in
        // What is not nothing is seen.
        sum == 0 ? bars[0] : bars[max(1, Int((Double(sum) / Double(most) * 7).rounded()))]
      })
  }
}
