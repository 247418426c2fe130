/// What is asked of a bucket: what a refusal means depends on it.
enum S3Act: Hashable, Sendable {
  case upload, ask, list, download, readBack, delete

  /// The start of a sentence, for a fault.
  var words: String {
    switch self {
    case .upload: "Cannot upload to"
    case .ask: "Cannot ask for"
    case .list: "Cannot list"
    case .download: "Cannot download"
    case .readBack: "Cannot read back"
    case .delete: "Cannot delete"
    }
  }
}
