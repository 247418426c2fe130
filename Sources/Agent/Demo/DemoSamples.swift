import Core
import Formats

/// What the demonstration puts into landing and into the log. All names and addresses are invented.
struct DemoSamples {
  static let goodName = "ACC_Prod_segment7c1d2f60-9b0e-4c59-8f6a-2e1b5a90d413_20260312060512.csv"
  static let packedName = "ACC_Prod_segment2b9e51aa-0d3c-4f7e-8a11-6c0f7d9b3e58_20260312060733.csv.gz"
  static let brokenName = "ACC_Prod_segment91d4c0de-77aa-4b1c-b0a2-35f0e6a8d9c4_20260312060951.csv"
  static let logHeader = "_id,eventType,timestamp,broadLogId,deliveryId,urlLabel"

  let good: [UInt8]
  let packed: [UInt8]
  let broken: [UInt8]
  /// The records of the log without their header, each as its bytes in the log: some hold a line break in quotes.
  let records: [[UInt8]]

  init(rows: Int = 10_000) {
    good = Self.audience(rows: 2_000)
    packed = Self.gzip(Self.audience(rows: 500))
    // One row has lost its last column, as a writer that died leaves it.
    broken = Self.audience(rows: 100) + Array("Noor,Haddad\r\n".utf8) + Self.audience(rows: 3).drop { $0 != 10 }.dropFirst()
    records = (1...rows).map { Array(Self.record($0).utf8) }
  }

  private static func audience(rows: Int) -> [UInt8] {
    var text = "person_name_firstName,person_name_lastName,personalEmail_address,segmentMembership_status\r\n"
    for row in 1...rows {
      let last = row % 7 == 0 ? "\"van Dijk, Jr.\"" : row % 11 == 0 ? "\"Rossi \\\"Lia\\\"\"" : "Okafor"
      text += "Ines\(row),\(last),ines.\(row)@example.com,\(row % 9 == 0 ? "exited" : "realized")\r\n"
    }
    return Array(text.utf8)
  }

  private static func record(_ number: Int) -> String {
    let id = 55_120_000 + number
    let label = number % 50 == 0 ? "\"Spring offer,\nhero \(number)\"" : ""
    return "acc-prod:tl:\(id),directMarketing.emailOpened,2026-03-12T05:52:30Z,\(id),440112,\(label)\n"
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var packed: [UInt8] = []
    var deflater = Deflater(level: 6)
    bytes.withUnsafeBytes { all in deflater.write(all) { packed.append(contentsOf: $0) } }
    deflater.finish { packed.append(contentsOf: $0) }
    return packed
  }
}
