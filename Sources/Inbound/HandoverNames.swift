import Config
import Core
import Formats
import Lanes
import Spool
import SystemPackage

/// The names that drops get in the hand-over folder. A value without a disk: it asks which names are taken there.
struct HandoverNames {
  private let settings: FeedSettings
  private let template: NameTemplate
  /// To drops of this pass.
  private var given: Set<FileName> = []

  init(_ settings: FeedSettings) throws(FileFault) {
    self.settings = settings
    do {
      template = try NameTemplate(settings.handoverName)
    } catch {
      throw FileFault(
        .io, "Cannot make names for feed", at: settings.name.text, why: "\(error)",
        remedy: "Correct `handover_name`")
    }
  }

  /// Done: with its names. Set aside: it can have none.
  mutating func choose(
    for plan: DropPlan, isThere: (FileName) throws(FileFault) -> Bool
  ) throws(FileFault) -> ItemOutcome<DropPlan> {
    var named = plan
    for (number, part) in plan.parts.enumerated() where part.isData {
      let wanted: FileName
      do {
        wanted = try template.render(
          name: outgoingName(part, settings.rewrite), folders: folders(of: part), feed: plan.feed, drop: plan.id,
          at: plan.seenAt)
      } catch {
        return .setAside(Reason(.badName, "The hand-over name would have \(error)", part: part.name))
      }
      var name = wanted
      switch settings.collision {
      case .replace: break
      case .fail:
        guard !given.contains(wanted), try !isThere(wanted) else {
          return .setAside(
            Reason(.nameTaken, "The hand-over folder has a file of that name", part: part.name))
        }
      case .rename:
        var next = 2
        while true {
          if !given.contains(name), try !isThere(name) { break }
          name = numbered(wanted, next)
          next += 1
        }
      }
      named.parts[number].finalName = name
    }
    // Not before the whole drop has its names.
    given.formUnion(named.parts.compactMap(\.finalName))
    return .done(named)
  }

  /// In which it was found, below landing; none where that is another folder now.
  private func folders(of part: DropPart) -> [FileName] {
    let (landing, found) = (settings.landing, FilePath(part.landing))
    guard found.starts(with: landing) else { return [] }
    return found.components.dropFirst(landing.components.count).map { FileName($0.string) }
  }

  /// Others may have its names.
  mutating func giveBack(_ plan: DropPlan) { given.subtract(plan.parts.compactMap(\.finalName)) }
}

/// The name that a part's own name counts as: without `.gpg` where it was decrypted, without `.gz` where it is unpacked, with it
/// where it is packed, and `.csv` in place of `.json` where a table was made of it.
func outgoingName(_ part: DropPart, _ rewrite: FeedSettings.Rewrite?) -> FileName {
  guard part.goesPlain == true || rewrite != nil && part.dialect != nil else { return part.clearName }
  var name = part.clearName.bytes
  let isPacked = drop(".gz", from: &name)
  if part.goesPlain == true { return isPacked ? FileName(bytes: name) : part.clearName }
  let packing = part.clearName.bytes.suffix(isPacked ? 3 : 0)
  if part.dialect?.json == true, [".json", ".jsonl", ".ndjson"].contains(where: { drop($0, from: &name) }) {
    name += Array(".csv".utf8)
  }
  guard rewrite?.compress == .gzip else { return FileName(bytes: name) }
  return FileName(bytes: name + (isPacked ? Array(packing) : Array(".gz".utf8)))
}

/// Whatever its case; not where nothing would be left.
private func drop(_ ending: String, from name: inout [UInt8]) -> Bool {
  let tail = name.suffix(ending.utf8.count).map { (65...90).contains($0) ? $0 + 32 : $0 }
  guard tail.elementsEqual(ending.utf8), name.count > tail.count else { return false }
  name.removeLast(tail.count)
  return true
}
