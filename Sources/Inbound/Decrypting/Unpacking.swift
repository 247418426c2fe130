import Core
import Files
import Formats

/// Packed bytes on their way into a file, unpacked.
struct Unpacking: ~Copyable {
  private let file: any WritableFile
  private var inflater = Inflater()
  private var isDamaged = false

  init(_ file: any WritableFile) { self.file = file }

  mutating func take(_ bytes: UnsafeRawBufferPointer) throws(FileFault) -> Bool {
    var failure: FileFault?
    let file = file
    do throws(GzipFault) {
      try inflater.write(bytes) { piece in
        do throws(FileFault) {
          try file.write(piece)
          return true
        } catch {
          failure = error
          return false
        }
      }
    } catch {
      isDamaged = true
    }
    if let failure { throw failure }
    return !isDamaged
  }

  /// Asked once, at the end.
  mutating func isWhole() -> Bool {
    do throws(GzipFault) { try inflater.finish() } catch { isDamaged = true }
    return !isDamaged
  }
}
