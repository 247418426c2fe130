import Config
import Core
import Formats

/// What becomes of bad rows: where the feed says so and they are few enough, they are left out of what is handed over, and are no reason
/// to refuse the drop.
struct Rejecting {
  private let rows: RowInspection?

  init(_ rows: RowInspection?) { self.rows = rows }

  func run(
    _ plan: inout DropPlan, _ findings: inout [PartFinding], isReleased: Bool, in pass: FeedPass
  ) throws(FileFault) {
    for number in plan.dataIndices { plan.parts[number].rejected = nil }
    guard let rows else { return }
    guard plan.data.allSatisfy({ $0.dialect != nil }) else { return try SpillFolder(pass).remove(plan.id) }
    let found = try rows.finish(keeps: pass.settings.rejects != nil)
    for (index, number) in plan.dataIndices.enumerated() {
      findings[index].inspection.reasons = listed(
        findings[index].inspection.reasons + (found.duplicates[number] ?? []))
    }
    guard found.total > 0, let bound = pass.settings.rejects?.atMost else { return }
    let total = plan.rows ?? 0
    guard found.total < total, isReleased || bound.allows(found.total, of: total) else {
      try SpillFolder(pass).remove(plan.id)
      let message =
        "\(counted(found.total, "bad row")) of \(total); rejects.at_most is \(bound)"
        + (found.total == total ? ", and none is left" : "")
      for (index, number) in plan.dataIndices.enumerated() where plan.parts[number].dialect?.json == true {
        // With its bad lines it can be written as nothing else.
        let isBad = findings[index].inspection.reasons.contains { BadRow.Kind.ofLines.contains($0.code) }
        if isBad { plan.parts[number].dialect = nil }
      }
      findings[0].inspection.reasons.insert(Reason(.tooManyRejects, message), at: 0)
      return
    }
    for (index, number) in plan.dataIndices.enumerated() {
      findings[index].inspection.reasons.removeAll { BadRow.Kind.codes.contains($0.code) && $0.row != nil }
      plan.parts[number].rejected = found.bad[number]
    }
  }
}

extension DropPart {
  /// What the check has found.
  mutating func note(_ inspection: Inspection, clear: Clear?, _ settings: FeedSettings) {
    self.clear = clear
    sha256 = inspection.sha256
    text = inspection.textDigest
    rows = settings.format.type == .opaque ? nil : inspection.rows
    shape = Inbound.shape(of: inspection)
    dialect = inspection.dialect(settings)
    let isPacked = settings.rewrite.map { $0.compress == .gzip } ?? (inspection.compression == .gzip)
    let isTooMuch = settings.packedMost > 0 && inspection.textBytes > settings.packedMost
    goesPlain = isPacked && isTooMuch && dialect != nil ? true : nil
  }
}
