public import Core
public import Files
import FoundationEssentials
public import SystemPackage

/// Reading and writing the small JSON files that everything we build carries.
extension Files {
  /// Keys sorted, so that the same plan is the same bytes.
  public func writePlan(_ plan: some Encodable, to path: FilePath) throws(FileFault) {
    try write(encodePlan(plan), to: path)
  }

  /// The same of a plan that grows: one more line, or a file that is new. Durable after `sync`, as any other; until then the plan is
  /// found as it was before, or as it is now.
  public func writePlan(_ plan: some GrowingPlan, to path: FilePath) throws(FileFault) {
    let line = encodePlan(plan)
    // It has grown for years, or somebody has filled it: it begins anew.
    guard let size = try info(path)?.size, size +| UInt64(line.count) <= Limits.planBytes / 2 else {
      return try write(line, to: path)
    }
    try addLine(line, to: path)
  }

  /// Several plans, with one barrier for all of them.
  /// - Parameter others: durable before any of the new lines can be found.
  public func writePlans(
    _ plans: [(plan: some GrowingPlan, path: FilePath)], after others: [FilePath] = []
  ) throws(FileFault) {
    if !others.isEmpty { try sync(others) }
    for (plan, path) in plans { try writePlan(plan, to: path) }
    if !plans.isEmpty { try sync(plans.map(\.path)) }
  }

  private func addLine(_ line: [UInt8], to path: FilePath) throws(FileFault) {
    let file = try append(to: path)
    // What a stop left of a line before it is no part of this one.
    let text = [UInt8(ascii: "\n")] + line
    try text.withUnsafeBufferPointer { (raw) throws(FileFault) in try file.write(UnsafeRawBufferPointer(raw)) }
  }

  /// The newest line that is whole.
  /// - Throws: `.missing` where there is none; `.damaged` where it is not what it should be.
  public func readPlan<Plan: GrowingPlan>(_ type: Plan.Type, at path: FilePath) throws(FileFault) -> Plan {
    let bytes = try contents(of: path, limit: Limits.planBytes)
    switch PlanLines.newest(in: bytes) {
    case .plan(let json): return try decode(type, json, at: path)
    case .altered: throw damaged(path, "its checksum does not fit: it was altered since navette wrote it")
    case .none: return try decode(type, PlanLines.older(in: bytes), at: path)
    }
  }

  /// - Throws: `.missing` where there is none; `.damaged` where it is not what it should be.
  public func readPlan<Plan: Decodable>(_ type: Plan.Type, at path: FilePath) throws(FileFault) -> Plan {
    try decode(type, try contents(of: path, limit: Limits.planBytes), at: path)
  }

  private func damaged(_ path: FilePath, _ why: String) -> FileFault {
    FileFault(.damaged, "Cannot use", at: path, why: why)
  }

  private func decode<Plan: Decodable>(_ type: Plan.Type, _ bytes: [UInt8], at path: FilePath) throws(FileFault) -> Plan
  {
    let plan: Plan
    do {
      plan = try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw damaged(path, "it is not the JSON that navette writes")
    }
    if let complaint = (plan as? any CheckedPlan)?.complaint { throw damaged(path, complaint) }
    return plan
  }
}

/// One line of a plan that grows, with its length and checksum.
public func encodePlan(_ plan: some GrowingPlan) -> [UInt8] { PlanLines.line(json(plan)) }

/// One line of JSON, keys sorted.
public func encodePlan(_ plan: some Encodable) -> [UInt8] { json(plan) + [UInt8(ascii: "\n")] }

private func json(_ plan: some Encodable) -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  do {
    return Array(try encoder.encode(plan))
  } catch {
    // Plans hold only texts, integers and lists of them: nothing that JSON cannot say.
    preconditionFailure("a plan that cannot be encoded: \(type(of: plan))")
  }
}
