import Core
import Files
import Formats
import Spool
import Store
import SystemPackage

extension Files {
  /// The plan of a batch, as one that can be worked with.
  /// - Throws: `.missing`, and `.damaged` where it is not what was sealed.
  func batchPlan(of id: BatchID, in folder: FilePath) throws(FileFault) -> BatchPlan {
    let path = folder.appending(BatchPlan.fileName)
    let plan = try readPlan(BatchPlan.self, at: path)
    func damaged(_ why: String) -> FileFault { FileFault(.damaged, "Cannot use", at: path, why: why) }
    guard plan.id == id else { throw damaged("it is the plan of another batch") }
    guard StoreKey(plan.key) != nil, plan.manifestKey.map({ StoreKey($0) != nil }) ?? true else {
      throw damaged("its key is no object's name")
    }
    return plan
  }

  /// The object is as long as it was sealed; what is in it, the store's answer tells.
  func requireObject(of plan: BatchPlan, in folder: FilePath) throws(FileFault) {
    let path = folder.appending(BatchPlan.objectName)
    guard let info = try info(path), info.kind == .file else {
      throw FileFault(.damaged, "Cannot use batch", at: path, why: "its object is gone")
    }
    guard info.size == plan.compressedBytes else {
      throw FileFault(
        .damaged, "Cannot use batch", at: path,
        why: "it has \(counted(info.size, "byte")), and \(plan.compressedBytes) were sealed")
    }
  }

  /// A cursor must not be ahead of durable bytes. Logs that lie no more where they were cut from, or are moved just now, are left out.
  func syncLogs(of plan: BatchPlan) throws(FileFault) {
    for path in Set(plan.segments.map(\.path)).map({ FilePath($0) }) where try info(path)?.kind == .file {
      do throws(FileFault) {
        try sync([path])
      } catch {
        if error.kind != .missing { throw error }
      }
    }
  }
}
