import Config
import Core
import Formats

/// What belongs together: one file, or the parts of one export with its manifest, and their markers.
struct Arrival: Hashable {
  /// By what it is known between two looks: the manifest's name, or the first part's.
  let key: FileName
  /// In the order of hand-over.
  var data: [FileName] = []
  var manifest: FileName?
  var markers: [FileName] = []
  /// Why it is not complete, although its time is over.
  var missing: [Reason] = []
  /// Once its time is over it is.
  var isWholeByRest = false

  var names: [FileName] { data + (manifest.map { [$0] } ?? []) + markers }
}

/// Which files of one landing folder belong together, and whether all of them are there.
///
/// - With a manifest that lists it, a file goes with all the others that it lists, when each has its size; never without. One that was
///   packed where it lies (`x.csv.gz` for `x.csv`) has its size if it had it before. With `ready.manifest: off`, a manifest goes by itself,
///   to the archive, and keeps nothing waiting.
/// - `x.csv`, `x_2.csv`, … are one set: all of them at rest, none missing in between, and the last one not exactly as long as parts
///   are that have a successor. Whichever comes first waits for those before it, unless its name ends so for another reason (`isPart`).
/// - All that lies in a folder `exportTime=…` is one export of a dataset. No part says how many there are: without a manifest, it is
///   complete when nothing has changed for `ready.timeout`.
/// - With `ready.marker`, each file has its own.
/// - What is not complete waits until nothing has changed in it for `ready.timeout`; then it goes as it is, with what is missing.
///
/// A value without a disk. It remembers what waits, and nothing else.
struct Completing {
  enum ManifestState: Hashable {
    case read(Manifest)
    /// It may still be coming, until it is at rest.
    case unreadable
  }

  struct View {
    var data: [FileName: Settling.Observation] = [:]
    var manifests: [FileName: (seen: Settling.Observation, state: ManifestState)] = [:]
    var markers: [FileName: Settling.Observation] = [:]
    /// Of data and manifests.
    var rested: Set<FileName> = []
  }

  struct Rules {
    var manifest: FeedSettings.Manifest
    var timeout: Duration
    var marker: MarkerTemplate?
    /// Whether `x_2.csv` belongs to `x.csv`.
    var numbersParts = true
    /// All files of the folder are one export.
    var isOneExport = false
  }

  /// Whether a part has as many rows as one that has a successor; nil: asked to stop.
  typealias IsFull = (FileName) throws -> Bool?
  /// How many bytes a packed file has unpacked, modulo 2^32; nil where it does not tell.
  typealias UnpackedSize = (FileName) throws -> UInt32?
  /// Whether all that the manifest lists was taken before it came.
  typealias IsKnown = (Manifest) throws -> Bool

  private struct Wait {
    var members: [FileName: Settling.Observation]
    /// Uptime since when they are these.
    var since: Duration
    var wasReported = false
  }

  private var waits: [FileName: Wait] = [:]
  /// What is not complete, with the reasons; made anew by each look.
  private(set) var waiting: [FileName: [Reason]] = [:]

  /// All that can be taken now.
  mutating func arrivals(
    _ view: View, _ rules: Rules, at uptime: Duration, isFull: IsFull, unpackedSize: UnpackedSize, isKnown: IsKnown
  ) throws -> [Arrival] {
    waiting = [:]
    var found: [Arrival] = []
    var bound: Set<FileName> = []
    var isBeingTold = false
    for name in view.manifests.keys.sorted() {
      guard let (_, state) = view.manifests[name] else { continue }
      switch state {
      case .read where rules.manifest == .off:
        if view.rested.contains(name) { found.append(Arrival(key: name, manifest: name)) }
      case .read(let manifest):
        if let arrival = try listed(manifest, name, view, bound: &bound, unpackedSize, isKnown) {
          found.append(arrival)
        }
      case .unreadable where view.rested.contains(name):
        found.append(Arrival(key: name, manifest: name, missing: [Self.unreadable(name)]))
      case .unreadable: isBeingTold = isBeingTold || rules.manifest != .off
      }
    }
    // A manifest that is being written may list any of the others.
    if !isBeingTold, rules.isOneExport {
      if let arrival = export(view.data.keys.filter { !bound.contains($0) }, view, rules) { found.append(arrival) }
    } else if !isBeingTold {
      for set in Self.sets(view.data.keys.filter { !bound.contains($0) }, rules) {
        if let arrival = try unlisted(set, view, rules, isFull) { found.append(arrival) }
      }
    }
    let all = found.map { addMarkers($0, view, rules) }
    forget(except: Set(all.map(\.key)))
    return all.compactMap { arrival in
      // A manifest that lists no file is all there is: nothing more is coming.
      if arrival.missing.allSatisfy({ $0.code == .empty }) { return arrival }
      guard isOver(arrival, view, rules, at: uptime) else { return nil }
      var arrival = arrival
      if arrival.isWholeByRest { arrival.missing = [] }
      return arrival
    }
  }

  /// Uptime at which the next wait is over.
  func next(timeout: Duration) -> Duration? { waits.values.map { $0.since + timeout }.min() }

  /// Once for each wait, and not before it has lasted for `patience`.
  mutating func newlyWaiting(at uptime: Duration, patience: Duration) -> [(key: FileName, missing: [Reason])] {
    waiting.keys.sorted().compactMap { key in
      guard let wait = waits[key], !wait.wasReported, uptime - wait.since >= patience else { return nil }
      waits[key]?.wasReported = true
      return waiting[key].map { (key, $0) }
    }
  }

  /// What is not complete, and since when.
  func waitingSince(now: Moment) -> [(key: FileName, missing: [Reason], since: Timestamp)] {
    waiting.compactMap { key, missing in
      waits[key].map { (key, missing, now.wall - (now.uptime - $0.since)) }
    }
  }

  private mutating func isOver(_ arrival: Arrival, _ view: View, _ rules: Rules, at uptime: Duration) -> Bool {
    var members: [FileName: Settling.Observation] = [:]
    for name in arrival.names {
      members[name] = view.data[name] ?? view.manifests[name]?.seen ?? view.markers[name]
    }
    let known = waits[arrival.key]
    let wait =
      known?.members == members
      ? known ?? Wait(members: members, since: uptime)
      : Wait(members: members, since: uptime, wasReported: known?.wasReported ?? false)
    waits[arrival.key] = wait
    if uptime - wait.since >= rules.timeout { return true }
    waiting[arrival.key] = arrival.missing
    return false
  }

  private mutating func forget(except keys: Set<FileName>) {
    if !waits.isEmpty { waits = waits.filter { keys.contains($0.key) } }
  }

  // MARK: With a manifest

  /// A listed file as it lies there: under its name, or packed since.
  private struct Lying {
    let name: FileName
    let seen: Settling.Observation
    /// As `UnpackedSize`; nil outside: it is not packed.
    var unpacked: UInt32??

    func fits(_ size: UInt64) -> Bool {
      guard let unpacked else { return seen.size == size }
      return unpacked == UInt32(truncatingIfNeeded: size)
    }
  }

  private func lying(_ name: FileName, _ view: View, _ unpackedSize: UnpackedSize) throws -> Lying? {
    if let seen = view.data[name] { return Lying(name: name, seen: seen) }
    let packed = Manifest.packed(name)
    guard let seen = view.data[packed] else { return nil }
    // What is still coming says nothing yet.
    return Lying(
      name: packed, seen: seen, unpacked: .some(view.rested.contains(packed) ? try unpackedSize(packed) : nil))
  }

  /// Nil: something that it lists is still coming.
  private func listed(
    _ manifest: Manifest, _ name: FileName, _ view: View, bound: inout Set<FileName>, _ unpackedSize: UnpackedSize,
    _ isKnown: IsKnown
  ) throws -> Arrival? {
    var arrival = Arrival(key: name, manifest: name)
    var isComing = !view.rested.contains(name)
    for file in Self.ordered(manifest.files) {
      guard let lying = try lying(file.name, view, unpackedSize) else {
        arrival.missing.append(Reason(.incomplete, "The manifest lists it, and it is not there", part: file.name))
        continue
      }
      let fits = lying.fits(file.size)
      // Another run's file of the same name belongs to another manifest, or to none.
      guard fits || !isListed(file.name, lying, in: view, except: name) else {
        arrival.missing.append(Self.mismatch(file, lying))
        continue
      }
      guard bound.insert(lying.name).inserted else {
        arrival.missing.append(Reason(.incomplete, "Another manifest lists it as well", part: file.name))
        continue
      }
      if !fits { arrival.missing.append(Self.mismatch(file, lying)) }
      if !view.rested.contains(lying.name) { isComing = true }
      arrival.data.append(lying.name)
    }
    if isComing { return nil }
    if manifest.files.isEmpty { arrival.missing = [Reason(.empty, "The manifest lists no file", part: name)] }
    if arrival.data.isEmpty, !manifest.files.isEmpty, try isKnown(manifest) { arrival.missing = [] }
    return arrival
  }

  private static func mismatch(_ file: Manifest.File, _ lying: Lying) -> Reason {
    let message =
      lying.unpacked == nil
      ? "It has \(counted(lying.seen.size, "byte")); the manifest says \(file.size)"
      : "Unpacked, it has not the \(counted(file.size, "byte")) that the manifest says"
    return Reason(.sizeMismatch, message, part: lying.name)
  }

  private func isListed(_ file: FileName, _ lying: Lying, in view: View, except name: FileName) -> Bool {
    view.manifests.contains { other in
      guard other.key != name, case .read(let manifest) = other.value.state else { return false }
      return manifest.files.contains { $0.name == file && lying.fits($0.size) }
    }
  }

  /// By part, as the names mean it: `x_10.csv` comes behind `x_9.csv`.
  static func ordered(_ files: [Manifest.File]) -> [Manifest.File] {
    let keyed = files.map { file in
      let sequel = DropName.sequel(file.name)
      return (file, sequel?.first ?? file.name, sequel?.part ?? 1)
    }
    return keyed.sorted { ($0.1, $0.2) < ($1.1, $1.2) }.map(\.0)
  }

  private static func unreadable(_ name: FileName) -> Reason {
    Reason(.manifestUnreadable, "It is not the JSON that a manifest is", part: name)
  }

  // MARK: Without one

  private struct PartSet {
    let first: FileName
    var parts: [Int: FileName] = [:]
  }

  /// A name that ends like a part's, and need not be one: only AEP's names, and those without a date or number of their own, are sure to
  /// be. `report_2026_03_12.csv` is no twelfth part.
  private static func isPart(_ part: Int, of first: FileName) -> Bool {
    DropName(first).isExport || part <= Limits.lastUndatedPart && !DropName.endsInNumber(first)
  }

  private static func sets(_ names: [FileName], _ rules: Rules) -> [PartSet] {
    var sets: [FileName: PartSet] = [:]
    var sequels: [(name: FileName, first: FileName, part: Int)] = []
    for name in names {
      sets[name] = PartSet(first: name, parts: [1: name])
      if rules.numbersParts, let sequel = DropName.sequel(name) { sequels.append((name, sequel.first, sequel.part)) }
    }
    for (name, first, part) in sequels.sorted(by: { ($0.first, $0.part) < ($1.first, $1.part) }) {
      let isNext = sets[first]?.parts[part - 1] != nil
      guard isNext || isPart(part, of: first) else { continue }
      sets[first, default: PartSet(first: first)].parts[part] = name
      // A set of its own no more, unless others count it as their first.
      if sets[name]?.parts.count == 1 { sets[name] = nil }
    }
    return sets.values.sorted { $0.first < $1.first }
  }

  /// Nil: something of it is still coming.
  private func unlisted(
    _ set: PartSet, _ view: View, _ rules: Rules, _ isFull: IsFull
  ) throws -> Arrival? {
    let numbers = set.parts.keys.sorted()
    var arrival = Arrival(key: set.first, data: numbers.compactMap { set.parts[$0] })
    guard arrival.data.allSatisfy(view.rested.contains), let last = numbers.last, let end = arrival.data.last else {
      return nil
    }
    for number in 1...last where set.parts[number] == nil {
      let name = DropName.part(number, of: set.first)
      arrival.missing.append(Reason(.incomplete, "A later part is there, and this one is not", part: name))
    }
    if rules.manifest == .required {
      arrival.missing.append(Reason(.incomplete, "No manifest lists it", part: set.first))
    } else if arrival.missing.isEmpty {
      guard let isEndFull = try isFull(end) else { return nil }
      if isEndFull {
        let name = DropName.part(last + 1, of: set.first)
        let message = "The part before it has \(Limits.rowsPerPart) rows, so this one is due"
        arrival.missing.append(Reason(.incomplete, message, part: name))
      }
    }
    return arrival
  }

  /// Nil: something of it is still coming.
  private func export(_ names: [FileName], _ view: View, _ rules: Rules) -> Arrival? {
    guard let first = names.min(), names.allSatisfy(view.rested.contains) else { return nil }
    var arrival = Arrival(key: Self.exportKey, data: names.sorted())
    arrival.isWholeByRest = rules.manifest != .required
    let message =
      arrival.isWholeByRest
      ? "No manifest lists the parts of this export; it counts as complete when nothing has changed for ready.timeout"
      : "No manifest lists the parts of this export"
    arrival.missing.append(Reason(.incomplete, message, part: first))
    return arrival
  }

  /// By what an export is known while its parts come, whose names are random: as no file of the folder is called.
  static let exportKey: FileName = "/"

  private func addMarkers(_ arrival: Arrival, _ view: View, _ rules: Rules) -> Arrival {
    guard let template = rules.marker else { return arrival }
    var arrival = arrival
    for name in arrival.data {
      let marker = template.marker(of: name)
      if view.markers[marker] != nil {
        arrival.markers.append(marker)
      } else {
        arrival.missing.append(Reason(.incomplete, "The marker is not there", part: marker))
      }
    }
    return arrival
  }
}
