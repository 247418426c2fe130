import Config
import Formats

extension TableRules {
  init(_ settings: FeedSettings) {
    self.init()
    delimiter = settings.format.delimiter
    quote = settings.format.quote
    escape =
      switch settings.format.escape {
      case .auto: .auto
      case .backslash: .backslash
      case .apostrophe: .apostrophe
      case .double: .double
      }
    lineEnd =
      switch settings.format.lineEnd {
      case .auto: .auto
      case .lf: .lf
      case .crlf: .crlf
      case .cr: .cr
      }
    encoding =
      switch settings.format.encoding {
      case .utf8: .utf8
      case .utf16: .utf16
      case .latin1: .latin1
      }
    header = settings.format.header
    dropsSeparatorLine = settings.rewrite != nil
    columns = settings.require.columns
    columnsExact = settings.require.columnsExact
    minRows = settings.require.minRows
    maxRows = settings.require.maxRows
    maxBytes = settings.require.maxBytes
    maxRowBytes = settings.require.maxRowBytes
    rows = RowRules(settings)
    mayReject = settings.rejects != nil
  }
}
