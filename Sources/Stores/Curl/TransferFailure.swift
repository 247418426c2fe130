import CCurl
import Core

/// Why there is no answer.
enum TransferFailure: Error {
  case curl(CURLcode, String)
  /// Of SFTP: with the server's own number for why it refused (SSH_FX_…), 0 where nobody was there to refuse.
  case server(CURLcode, String, number: UInt)
  /// Our own file could not be read or written.
  case file(FileFault)
  case cancelled

  /// The one place where curl's codes (https://curl.se/libcurl/c/libcurl-errors.html) become kinds of ours.
  func fault(_ what: String, at place: String) -> StoreFault {
    switch self {
    case .cancelled:
      return StoreFault(.unreachable, what, at: place, why: "stopped before it was done")
    case .file(let fault):
      return StoreFault(fault.kind.storeKind, what, at: place, why: fault.sentence, remedy: fault.remedy)
    case .curl(let code, let detail), .server(let code, let detail, _):
      let reason = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
      let (kind, remedy) = TransferFailure.meaning(of: code, reason)
      let proxy =
        code != CURLE_SSL_CONNECT_ERROR && TransferFailure.hasProxyRefused(reason) ? "the proxy refused: " : ""
      return StoreFault(kind, what, at: place, why: "\(proxy)\(reason) (curl \(code.rawValue))", remedy: remedy)
    }
  }

  /// - Parameter reason: curl's own words, for what shares one code.
  static func meaning(of code: CURLcode, _ reason: String = "") -> (kind: StoreKind, remedy: String?) {
    switch code {
    // The answer to CONNECT is no answer of the endpoint, and has no code of its own.
    case CURLE_RECV_ERROR where hasProxyRefused(reason, 407), CURLE_COULDNT_CONNECT where hasProxyRefused(reason, 407):
      (.denied, "Check the proxy's user and password")
    case CURLE_RECV_ERROR where hasProxyRefused(reason), CURLE_COULDNT_CONNECT where hasProxyRefused(reason):
      (.unreachable, "The proxy does not lead there: ask its owner, or name the host in NO_PROXY")
    case CURLE_PEER_FAILED_VERIFICATION: (.untrusted, distrust(reason))
    case CURLE_PROXY: (.unreachable, "Check the proxy: its address, and whether it leads there")
    case CURLE_SSL_CONNECT_ERROR
    where ["wrong version number", "packet length too long"].contains(where: reason.contains):
      (.wrongPlace, "There is no TLS at this port: check the endpoint's scheme (http or https) and port")
    case CURLE_SSL_CONNECT_ERROR where reason.contains("unexpected eof"):
      (
        .unreachable,
        "The connection was closed before TLS began: check the endpoint's port, and firewalls or proxies on the way"
      )
    // A server that speaks something else: gRPC, SSH, or TLS where we speak plainly.
    case CURLE_UNSUPPORTED_PROTOCOL where reason.contains("HTTP/0.9"), CURLE_WEIRD_SERVER_REPLY:
      (.wrongPlace, "What answers at this port is no HTTP server: check the endpoint's scheme (http or https) and port")
    case CURLE_GOT_NOTHING:
      (
        .unreachable,
        "The connection was closed without an answer; if it stays, check the endpoint's scheme (http or https) and port"
      )
    case CURLE_SSL_CONNECT_ERROR where reason.contains("protocol version") || reason.contains("unsupported protocol"):
      (.untrusted, "The endpoint must offer TLS 1.2 or later")
    case CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      (.untrusted, "Check the endpoint's certificate and name, and ca_file where the authority is a private one")
    case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_CERTPROBLEM:
      (.untrusted, "Check that ca_file names a readable PEM file")
    case CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED:
      (.untrusted, "The endpoint must offer TLS 1.2 or later")
    case CURLE_COULDNT_RESOLVE_HOST: (.unreachable, "Check the endpoint's host name and the machine's name service")
    case CURLE_COULDNT_RESOLVE_PROXY: (.unreachable, "Check the proxy's host name and the machine's name service")
    case CURLE_COULDNT_CONNECT:
      (.unreachable, "Check the endpoint, its port and the firewall, and the proxy where there is one")
    case CURLE_OPERATION_TIMEDOUT:
      (.unreachable, "Check the network; the store's timeouts are settings")
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
      (.wrongPlace, "Check the store's url and endpoint")
    case CURLE_BAD_FUNCTION_ARGUMENT, CURLE_UNKNOWN_OPTION, CURLE_NOT_BUILT_IN:
      (.denied, "Check the store's url and endpoint")
    default:
      // What is left is a connection that broke or spoke nonsense (TLS handshakes included), or want of memory: it may pass.
      (.unreachable, nil)
    }
  }

  /// “CONNECT tunnel failed, response 407”; before 7.88 “Received HTTP code 407 from proxy after CONNECT”.
  private static func hasProxyRefused(_ reason: String, _ status: Int? = nil) -> Bool {
    reason.contains("CONNECT") && (status.map { reason.contains(" \($0)") } ?? true)
  }

  /// The words are those of OpenSSL's X509_verify_cert_error_string and of libcurl.
  private static func distrust(_ reason: String) -> String {
    if reason.contains("has expired") {
      return "The endpoint's certificate is over: renew it, or set the machine's clock"
    }
    if reason.contains("not yet valid") { return "The endpoint's certificate begins later: set the machine's clock" }
    if reason.contains("subject name") || reason.contains("does not match") {
      return "The certificate is for another name: correct the endpoint, or have its certificate name it"
    }
    if reason.contains("issuer") || reason.contains("self-signed") || reason.contains("self signed") {
      return "Its authority is not known here: name that authority's certificate in ca_file, if it is yours"
    }
    return "Check the endpoint's certificate and name, and ca_file where the authority is a private one"
  }
}

extension FileKind {
  /// Of our own file, seen from a store: what can pass is retried, what cannot holds the batch.
  var storeKind: StoreKind {
    switch self {
    case .full: .full
    case .denied: .denied
    case .missing, .exists, .crossDevice, .damaged: .refused
    case .io, .hung, .exhausted: .unreachable
    }
  }
}
