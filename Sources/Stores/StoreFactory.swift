public import Config
public import Core
public import Files
import FoundationEssentials
public import Store
import SystemPackage

/// The store that the settings describe. Nothing is reached yet.
/// - Parameters:
///   - agent: the product's name and version, as `navette/1.2.3`.
///   - environment: where the AWS chain looks for keys; nil: that of this process, as it is now.
///   - throttle: the allowance that all transfers share.
///   - stalls: told of calls that do not end.
///   - memory: of a folder that was used before.
///   - clock: the wall clock, for signatures.
public func makeStore(
  _ settings: StoreSettings, files: any Files, agent: String = "navette", environment: [String: String]? = nil,
  throttle: Throttle? = nil, stalls: StallLog = StallLog(), memory: FolderMemory? = nil,
  clock: @escaping @Sendable () -> Timestamp
) throws(StoreFault) -> any RemoteStore {
  try Authorities.check(settings.caFile, files)
  let store: any RemoteStore =
    switch settings.target {
    case .folder(let root):
      LocalStore(root, files: files, memory: memory, throttle: throttle, slots: settings.concurrency)
    case .azure(let azure):
      try AzureStore(settings, azure, files: files, agent: agent, throttle: throttle, clock: clock)
    case .sftp(let sftp): try SFTPStore(settings, sftp, files: files, throttle: throttle)
    case .s3(let s3):
      try S3Store(
        settings, s3, files: files, agent: agent, environment: environment ?? ProcessInfo.processInfo.environment,
        throttle: throttle, clock: clock)
    }
  return WatchedStore(store, name: settings.name, limits: CallLimits(patience: settings.patience), log: stalls)
}

extension StoreSettings {
  fileprivate var caFile: FilePath? {
    switch target {
    case .s3(let s3): s3.caFile
    case .azure(let azure): azure.caFile
    case .folder, .sftp: nil
    }
  }

  /// How long nothing of a call may move before it stands still for good: above each limit of its own. A transfer is given up after
  /// `stall`, and up to four of them wait for each other without a byte (keys are fetched, a list is read, a put is looked after);
  /// a program that gives keys has a minute. A folder may lie on a disk that takes long to make a large file durable.
  var patience: Duration {
    switch target {
    case .folder: Limits.folderPatience
    case .s3, .azure, .sftp: connectTimeout + stallTimeout * 2 + Limits.callExtra
    }
  }
}
