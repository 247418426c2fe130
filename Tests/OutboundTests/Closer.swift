import Core
import Files
import SystemPackage
import TestKit

/// A program that writes one file after the other: under its own name, which it holds meanwhile, or under another one from which it is
/// moved when it is complete.
struct Closer: LogKeeper, Scripted {
  enum Act: Hashable {
    case begin(FilePath)
    case write(FilePath, Int)
    case writeHalf(FilePath)
    case writeRest(FilePath)
    case close(FilePath)
    case move(FilePath, FilePath)
  }

  var script = Script<Act>()
  private var records = Records()
  /// Of each file, where its records begin.
  private var begins: [Int] = []
  /// By file: between files of different names nothing is promised, since one that cannot be read waits by itself (decision 0031).
  var written: [[String]] {
    zip(begins, begins.dropFirst() + [records.all.count]).map { Array(records.all[$0..<$1]) }
  }

  init(seed: UInt64, rounds: Int, isForeign: Bool) {
    var random = SteadyNumbers.thrown(seed)
    for number in 1...rounds {
      let name = FilePath("/logs/f-\(number).csv")
      let isMoved = isForeign || random.oneIn(2)
      let path = isMoved ? FilePath("/logs/.f-\(number).csv.tmp") : name
      script.add(.begin(path))
      for _ in 0..<random.below(4) {
        if random.oneIn(3) {
          script.add(.writeHalf(path), .writeRest(path))
        } else {
          script.add(.write(path, 1 + random.below(3)))
        }
        if random.oneIn(4) { script.rest() }
      }
      script.add(.close(path))
      if isMoved { script.add(.move(path, name)) }
      if random.oneIn(2) { script.rest() }
    }
    script.add(.begin("/logs/last.csv"), .write("/logs/last.csv", 1), .close("/logs/last.csv"))
    script.rest()
  }

  mutating func perform(_ act: Act, on files: SimFiles) throws {
    switch act {
    case .begin(let path):
      begins.append(records.all.count)
      try files.outside { disk in
        try disk.put(path, "")
        if let inode = disk.inode(of: path) { disk.knobs.held.insert(inode) }
      }
    case .write(let path, let count): for _ in 0..<count { try add(records.begin() + "\n", path, files) }
    case .writeHalf(let path): try add(String(records.begin().prefix(2)), path, files)
    case .writeRest(let path): try add((records.all.last ?? "").dropFirst(2) + "\n", path, files)
    case .close(let path):
      files.outside { disk in
        if let inode = disk.inode(of: path) { disk.knobs.held.remove(inode) }
      }
    case .move(let path, let name): try files.outside { try $0.rename(path, to: name) }
    }
  }

  private func add(_ text: String, _ path: FilePath, _ files: SimFiles) throws {
    let header = files.text(of: path)?.isEmpty == true ? "id,text\n" : ""
    try files.append(to: path, header + text)
  }
}
