public import Config
public import Core
public import Files
import FoundationEssentials
public import Store

/// The store that the settings describe. Nothing is reached yet.
/// - Parameters:
///   - agent: the product's name and version, as `navette/1.2.3`.
///   - environment: where the AWS chain looks for keys; nil: that of this process, as it is now.
///   - throttle: the allowance that all transfers share.
///   - memory: of a folder that was used before.
///   - clock: the wall clock, for signatures.
public func makeStore(
  _ settings: StoreSettings, files: any Files, agent: String = "navette", environment: [String: String]? = nil,
  throttle: Throttle? = nil, memory: FolderMemory? = nil, clock: @escaping @Sendable () -> Timestamp
) throws(StoreFault) -> any RemoteStore {
  switch settings.target {
  case .folder(let root): LocalStore(root, files: files, memory: memory)
  case .azure(let azure): try AzureStore(settings, azure, files: files, agent: agent, throttle: throttle, clock: clock)
  case .sftp(let sftp): try SFTPStore(settings, sftp, files: files, throttle: throttle)
  case .s3(let s3):
    try S3Store(
      settings, s3, files: files, agent: agent, environment: environment ?? ProcessInfo.processInfo.environment,
      throttle: throttle, clock: clock)
  }
}
