import Config
import Core
import Formats

/// The columns of what a stream sends, as its settings make them of a log's own header.
/// - Parameter own: the header line of the log, or what the settings say in its place.
/// - Returns: nil: there is no header.
/// - Throws: two columns would have one name, one would have none, or a shape cannot be made.
func sentColumns(of stream: StreamSettings, _ own: [UInt8]) throws(HeaderComplaint) -> [String]? {
  guard !own.isEmpty else { return nil }
  let columns = ColumnNames(own)
  if let shape = stream.rows.shape {
    do throws(ShapeComplaint) {
      return try RowShaper(shape, columns: columns.names, zone: { _ in .utc }).names
    } catch {
      throw HeaderComplaint(error.description)
    }
  }
  guard stream.headerSanitize || !stream.headerRename.isEmpty else { return columns.names }
  return ColumnNames(try columns.line(sanitize: stream.headerSanitize, rename: stream.headerRename)).names
}
