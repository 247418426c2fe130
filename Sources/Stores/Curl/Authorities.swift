import Core
import Files
import FoundationEssentials
import SystemPackage

/// The file that `ca_file` names, looked at before libcurl reads it: what is no list of certificates is said while the configuration is
/// checked, and not at the first transfer.
enum Authorities {
  /// - Throws: `.untrusted`: with it nobody can be trusted.
  static func check(_ file: FilePath?, _ files: any Files) throws(StoreFault) {
    guard let file else { return }
    func refuse(_ why: String) -> StoreFault {
      StoreFault(
        .untrusted, "Cannot use", at: "ca_file", why: "\(file.shown): \(why)",
        remedy: "Check that ca_file names a readable PEM file: it begins with -----BEGIN CERTIFICATE-----")
    }
    let bytes: [UInt8]
    do { bytes = try files.contents(of: file, limit: Limits.authoritiesBytes) } catch { throw refuse(error.why) }
    let certificates = PEM.blocks(String(decoding: bytes, as: UTF8.self)) { $0.hasSuffix("CERTIFICATE") }
    guard let certificates, !certificates.isEmpty else { throw refuse("it holds no whole certificate in PEM") }
    // DER of a certificate is one sequence.
    guard certificates.allSatisfy({ $0.first == 0x30 }) else { throw refuse("a certificate in it is damaged") }
  }
}

/// Text between `-----BEGIN X-----` and `-----END X-----` (RFC 7468).
enum PEM {
  /// The blocks whose label is wanted, decoded; nil where one of them is not whole.
  static func blocks(_ text: String, _ isWanted: (Substring) -> Bool) -> [[UInt8]]? {
    var blocks: [[UInt8]] = []
    var label: Substring?
    var body = ""
    for line in text.split(whereSeparator: \.isNewline) {
      let line = trimmed(line)[...]
      if let open = label {
        if line == "-----END \(open)-----" {
          guard let bytes = Data(base64Encoded: body), !bytes.isEmpty else { return nil }
          blocks.append(Array(bytes))
          label = nil
        } else if line.hasPrefix("-----") {
          return nil
        } else if !line.contains(":") {
          // Older keys have lines such as `Proc-Type: 4,ENCRYPTED` before the bytes.
          body += line
        }
      } else if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----") {
        let found = line.dropFirst(11).dropLast(5)
        if isWanted(found) { (label, body) = (found, "") }
      }
    }
    return label == nil ? blocks : nil
  }
}
