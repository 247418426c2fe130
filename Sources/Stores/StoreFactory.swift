public import Config
public import Core
public import Files
public import Store

/// The store that the settings describe. Nothing is reached yet.
/// - Parameters:
///   - agent: the product's name and version, as `navette/1.2.3`.
///   - clock: the wall clock, for signatures.
public func makeStore(
  _ settings: StoreSettings, files: any Files, agent: String = "navette", clock: @escaping @Sendable () -> Timestamp
) throws(StoreFault) -> any RemoteStore {
  switch settings.target {
  case .folder(let root): LocalStore(root, files: files)
  case .azure(let azure): try AzureStore(settings, azure, files: files, agent: agent, clock: clock)
  case .sftp(let sftp): try SFTPStore(settings, sftp, files: files)
  case .s3(let s3): try S3Store(settings, s3, files: files, agent: agent, clock: clock)
  }
}
