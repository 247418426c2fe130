public import Core
public import Files

/// In which form a state folder is: raised by a version whose plans, places or names an older one would read wrongly. It stands in
/// `form.json`, so that an older program says so and stops, instead of setting aside what it cannot read.
///
/// - 1: version 0.1; no `form.json`. A plan is one line of JSON, and is replaced where it changes.
/// - 2: plans grow by lines, see `PlanLines`. Those of form 1 are read as they are, and grow in the new form.
public struct StateForm: Codable, Hashable, Sendable {
  public static let current = 2

  public let form: Int
  /// The version that wrote it.
  public let navette: String

  public init(_ form: Int = current, by navette: String) { (self.form, self.navette) = (form, navette) }

  /// The form of the folder; one without a `form.json` has the first.
  /// - Throws: `.damaged` where that cannot be told, or where a later version has used the folder.
  public static func read(_ state: StateFolder, _ files: any Files) throws(FileFault) -> Int {
    let found: StateForm
    do {
      found = try files.readPlan(StateForm.self, at: state.form)
    } catch {
      if error.kind == .missing { return 1 }
      throw FileFault(
        error.kind, error.what, at: state.form, why: error.why,
        remedy: error.kind == .damaged
          ? "Where no later version has used this state folder, delete the file" : error.remedy)
    }
    guard (1...current).contains(found.form) else {
      throw FileFault(
        .damaged, "Cannot use the state folder", at: state.root,
        why:
          "navette \(found.navette) has used it, in form \(found.form), and this version knows forms 1 to \(current)",
        remedy: "Install that version again, or a later one")
    }
    return found.form
  }

  /// Raises the form of the folder to the present one, durably, before anything is written that an older version would read wrongly.
  public static func raise(_ state: StateFolder, by navette: String, _ files: any Files) throws(FileFault) {
    guard try read(state, files) < current else { return }
    try files.writePlan(StateForm(by: navette), to: state.form)
    try files.sync([state.root])
  }
}
