import Config
import Core
import Formats

extension ContentRules {
  init(_ settings: FeedSettings) {
    self =
      switch settings.format.type {
      case .delimited: .table(TableRules(settings))
      case .json: .json(JSONRules(settings))
      case .opaque: .opaque(most: settings.require.maxBytes)
      }
  }
}

extension JSONRules {
  init(_ settings: FeedSettings) {
    self.init()
    required = settings.require.columns.compactMap { ValuePath($0) }
    gathers = settings.findsColumns
    minRows = settings.require.minRows
    maxRows = settings.require.maxRows
    maxBytes = settings.require.maxBytes
    maxRowBytes = settings.require.maxRowBytes
    rows = RowRules(settings)
    mayReject = settings.rejects != nil
  }
}

extension JSONTable {
  init(_ objects: FeedSettings.Objects, columns: [PathColumn]) {
    self.init()
    self.columns = columns
    isWhole = objects.columns == nil
    (join, null, missing) = (objects.join, objects.null, objects.missing)
    nested =
      switch objects.nested {
      case .refuse: .refuse
      case .json: .json
      }
  }
}

extension FeedSettings {
  /// Its columns are those that are found in its objects.
  var findsColumns: Bool { format.type == .json && rewrite.map { $0.objects.columns == nil } ?? false }
}
