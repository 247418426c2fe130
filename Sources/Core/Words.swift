/// `1 drop`, `2 drops`, `0 batches`: the one place that knows plurals.
/// - Parameter noun: for one; more words may stand before it.
public func counted(_ number: some BinaryInteger, _ noun: String) -> String {
  number == 1 ? "1 \(noun)" : "\(number) \(plural(noun))"
}

private func plural(_ noun: String) -> String {
  if ["s", "x", "ch", "sh"].contains(where: noun.hasSuffix) { return noun + "es" }
  return noun.hasSuffix("ry") ? noun.dropLast() + "ies" : noun + "s"
}

/// When something is done that is put off: `at once`, `in 1 s`. A begun second counts.
public func soon(_ wait: Duration) -> String {
  wait <= .zero ? "at once" : "in \((wait.milliseconds + 999) / 1_000) s"
}
