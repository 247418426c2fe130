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

  /// - Throws: `.missing` where there is none; `.damaged` where it is not what it should be.
  public func readPlan<Plan: Decodable>(_ type: Plan.Type, at path: FilePath) throws(FileFault) -> Plan {
    let bytes = try contents(of: path, limit: Limits.planBytes)
    func damaged(_ why: String) -> FileFault { FileFault(.damaged, "Cannot use", at: path, why: why) }
    let plan: Plan
    do {
      plan = try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw damaged("it is not the JSON that navette writes")
    }
    if let complaint = (plan as? any CheckedPlan)?.complaint { throw damaged(complaint) }
    return plan
  }
}

/// One line of JSON, keys sorted.
public func encodePlan(_ plan: some Encodable) -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  do {
    return Array(try encoder.encode(plan)) + [UInt8(ascii: "\n")]
  } catch {
    // Plans hold only texts, integers and lists of them: nothing that JSON cannot say.
    preconditionFailure("a plan that cannot be encoded: \(type(of: plan))")
  }
}
