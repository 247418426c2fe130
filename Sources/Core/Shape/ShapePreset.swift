/// Shapes for what Campaign logs of every delivery, in AEP's names. Columns of a log are known by the expressions that a workflow extracts and
/// by their names in the database, which are documented; titles differ from host to host and are never guessed.
///
/// Which number means what: shared facts from Adobe's pages and from the field. What is not confirmed is in no preset: such a row goes aside.
public enum ShapePreset: String, Hashable, Sendable, CaseIterable {
  /// `nms:broadLogRcp`: what was sent, and what came back.
  case broadlog
  /// `nms:trackingLogRcp`: opens and clicks.
  case tracking

  /// - Parameter instance: the same on every host of an installation.
  /// - Throws: where the instance is missing.
  public func rules(instance: String) throws(ShapeTextFault) -> ShapeRules {
    switch self {
    case .broadlog: try Self.broadlog(instance)
    case .tracking: try Self.tracking(instance)
    }
  }

  private static func broadlog(_ instance: String) throws(ShapeTextFault) -> ShapeRules {
    let id = SourceColumn("@id", "iBroadLogId")
    let status = SourceColumn("@status", "iStatus")
    // A row is written when a message is sent and changed when it comes back: the event is part of its id.
    let eventID = ShapeText([
      .constant(try prefix(instance, "bl")), .source(id), .constant(":"), .shaped("eventType"),
    ])
    let event = ValueMap(
      from: [messageType, status, SourceColumn("[msg/@failureType]", "iFailureType")],
      [
        (key("0", "1", nil), .value("directMarketing.emailSent")),
        (key("0", "2", "2"), .value("directMarketing.emailBounced")),
        (key("0", "2", "1"), .value("directMarketing.emailBouncedSoft")),
        // Ignored, pending, cancelled.
        (key("0", "0", nil), .skip), (key("0", "6", nil), .skip), (key("0", "7", nil), .skip),
      ] + otherChannels.map { (key($0, nil, nil), .skip) })
    return ShapeRules([
      .init("_id", .text(eventID)), .init("eventType", .map(event)),
      .init("timestamp", try time(SourceColumn("@eventDate", "tsEvent"))),
      .init("broadlogID", .source(id)),
      .init("deliveryID", .source(SourceColumn("[@delivery-id]", "iDeliveryId", isOptional: true))),
      .init("recipientID", .source(SourceColumn("[@recipient-id]", "iRecipientId", isOptional: true))),
      .init("status", .source(status)),
      .init("reason", .source(SourceColumn("[msg/@failureReason]", "iFailureReason", isOptional: true))),
    ])
  }

  private static func tracking(_ instance: String) throws(ShapeTextFault) -> ShapeRules {
    let id = SourceColumn("@id", "iTrackingLogId")
    let event = ValueMap(
      from: [messageType, SourceColumn("[url/@type]", "iUrlType")],
      [
        (key("0", "1"), .value("directMarketing.emailClicked")),
        (key("0", "2"), .value("directMarketing.emailOpened")),
        (key("0", "3"), .value("directMarketing.emailUnsubscribed")),
        // A link of an offer.
        (key("0", "11"), .value("directMarketing.emailClicked")),
        // Web, transaction, mirror page.
        (key("0", "4"), .skip), (key("0", "5"), .skip), (key("0", "6"), .skip),
      ] + otherChannels.map { (key($0, nil), .skip) })
    return ShapeRules([
      .init("_id", .text(ShapeText([.constant(try prefix(instance, "tl")), .source(id)]))),
      .init("eventType", .map(event)), .init("timestamp", try time(SourceColumn("@logDate", "tsLog"))),
      .init("trackinglogID", .source(id)),
      .init("broadlogID", .source(SourceColumn("[@broadLog-id]", "iBroadLogId", isOptional: true))),
      .init("deliveryID", .source(SourceColumn("[@delivery-id]", "iDeliveryId", isOptional: true))),
      .init("recipientID", .source(SourceColumn("[@recipient-id]", "iRecipientId", isOptional: true))),
      .init("url", .source(SourceColumn("[@url-id]", "iUrlId", isOptional: true))),
    ])
  }

  /// Of the delivery: both logs hold all channels.
  private static let messageType = SourceColumn("[delivery/@messageType]", "iMessageType")

  /// SMS, phone, direct mail, fax, push, other.
  private static let otherChannels = ["1", "2", "3", "4", "40", "120"]

  private static func key(_ values: String?...) -> ValueMap.Key { ValueMap.Key(values) }

  private static func prefix(_ instance: String, _ log: String) throws(ShapeTextFault) -> String {
    guard !instance.isEmpty else { throw .instance }
    return "\(instance):\(log):"
  }

  /// As Campaign writes times; of which zone, its operator must say.
  private static func time(_ column: SourceColumn) throws(ShapeTextFault) -> ShapeRules.Value {
    do throws(TimePattern.Fault) {
      return .time(TimeRule(from: column, pattern: try TimePattern("yyyy/MM/dd HH:mm:ss"), zone: nil))
    } catch {
      throw .open(error.description)
    }
  }
}
