private import Glibc

/// The program under test: the very file that ships, built and stripped by `make release`.
public enum Program {
  /// `$NAVETTE_PROGRAM`, else where `make release` puts it.
  public static let path: String = {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let path = getenv("NAVETTE_PROGRAM").map { String(cString: $0) } ?? "/\(root)/.build/ship/navette"
    precondition(access(path, X_OK) == 0, "\(path) cannot be run: `make release` builds it")
    return path
  }()
}
