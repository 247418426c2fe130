import Config
import Core
import Crypto
import Store

extension StoreSettings {
  /// Of the place, of whose rights are used, and of where the probe lies. A new secret of the same name is the same right; what opens a
  /// store is never part of it.
  var identity: Core.Digest {
    var parts = [probe]
    switch target {
    case .folder(let root): parts += ["file", root.string]
    case .s3(let s3):
      parts += ["s3", s3.bucket, s3.prefix, s3.region, s3.endpoint ?? "", s3.roleARN ?? "", s3.profile ?? ""]
      // The id of a key is told to whoever asks the service; its secret is not here.
      parts.append(s3.accessKeyID?.reveal() ?? "")
    case .azure(let azure):
      parts += ["azblob", azure.account, azure.container, azure.prefix, azure.endpoint ?? ""]
      parts.append(Self.words(azure.access))
    case .sftp(let sftp):
      parts += ["sftp", sftp.user, sftp.host, "\(sftp.port)", sftp.folder.string]
    }
    // Lengths keep two lists from being one text.
    return Core.Digest(SHA256.hash(data: Array(parts.map { "\($0.utf8.count):\($0)" }.joined().utf8)))
  }

  private static func words(_ access: AzureSettings.Access) -> String {
    switch access {
    case .accountKey: return "account_key"
    case .managedIdentity: return "identity"
    case .connectionString: return "connection_string"
    case .sasToken(let token):
      // What the token allows; without its signature it opens nothing.
      let fields = token.reveal().split(separator: "&").filter { !$0.hasPrefix("sig=") && !$0.hasPrefix("?sig=") }
      return "sas_token \(fields.sorted().joined(separator: "&"))"
    }
  }

  /// One name for each host: what cannot be deleted is used again.
  func probeKey(host: String) throws(StoreFault) -> StoreKey {
    if let key = StoreKey("\(probe)\(host).probe") { return key }
    throw StoreFault(
      .refused, "Cannot try store", at: name.text, why: "\(probe)\(host).probe is no name of an object",
      remedy: "Choose another probe for the store")
  }
}
