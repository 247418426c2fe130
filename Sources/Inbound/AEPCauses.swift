/// What in Adobe Experience Platform makes an export differ from the one before, in a sentence for whoever must ask there.
enum AEPCauses {
  static let fewerRows =
    "in AEP, a mandatory attribute or consent rules leave out profiles, and so does a status that is no longer mapped"
  static let moreRows =
    "in AEP, “Export file now” and the first file of an incremental schedule hold the whole audience"
  static let columns = "in AEP, an attribute, or the status, that is no longer mapped has no column"
}
