import Config
import Core
import Formats

/// The columns of what a stream sends, as its settings make them of a log's own header.
/// - Parameter own: the header line of the log, or what the settings say in its place.
/// - Returns: nil: there is no header.
/// - Throws: two columns would have one name, or one would have none.
func sentColumns(of stream: StreamSettings, _ own: [UInt8]) throws(HeaderComplaint) -> [String]? {
  guard !own.isEmpty else { return nil }
  let columns = ColumnNames(own)
  guard stream.headerSanitize || !stream.headerRename.isEmpty else { return columns.names }
  return ColumnNames(try columns.line(sanitize: stream.headerSanitize, rename: stream.headerRename)).names
}
