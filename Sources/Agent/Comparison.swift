import Core
import Ledger
import Store

/// Whether what a store holds is what it once confirmed.
struct Comparison {
  /// The receipt is of the bytes, which decide alone.
  let withContent: Bool
  /// The store tells a SHA-256 of every object that we sent.
  let carriesDigest: Bool

  func difference(_ entry: ConfirmedBatch, _ receipt: Receipt?, _ store: StoreName) -> Verification.Finding? {
    let batch = entry.batch
    func finding(_ kind: Verification.Finding.Kind, _ message: String) -> Verification.Finding {
      Verification.Finding(
        kind: kind, store: store.text, key: batch.key, batch: batch.id.description, message: message)
    }
    guard let receipt else { return finding(.missing, "the store does not hold it") }
    if receipt.size != batch.compressedBytes {
      let kind: Verification.Finding.Kind = receipt.size < batch.compressedBytes ? .short : .altered
      return finding(kind, "it has \(counted(receipt.size, "byte")), \(batch.compressedBytes) were sent")
    }
    return complaint(entry, receipt).map { finding(.altered, $0) }
  }

  private func complaint(_ entry: ConfirmedBatch, _ receipt: Receipt) -> String? {
    let batch = entry.batch
    if let digest = receipt.sha256, digest != batch.sha256 { return "its SHA-256 is \(digest), not \(batch.sha256)" }
    if withContent { return nil }
    if let md5 = receipt.md5, md5 != batch.md5.lowercased() { return "its MD5 is \(md5), not \(batch.md5)" }
    let remedy = "verify --content tells whether its bytes are the same"
    if let then = entry.receipt.tag, let now = receipt.tag, now != then {
      return "it was written again since it was confirmed: its ETag was \(then), and is \(now). \(remedy)"
    }
    if let then = entry.receipt.modified, let now = receipt.modified, now != then {
      return "it was written again since it was confirmed: its time was \(then.iso()), and is \(now.iso()). \(remedy)"
    }
    // What goes with every object of ours is gone, and nothing else shows whose it is.
    if carriesDigest, receipt.sha256 == nil, receipt.md5 == nil, entry.receipt.tag == nil {
      return "it does not carry the SHA-256 that it was sent with. \(remedy)"
    }
    return nil
  }
}
