import Core
import Glibc
import Testing

@Suite("A pattern is read in one way, or refused")
struct GlobTests {
  @Test(
    "What would be read otherwise than it looks is refused",
    arguments: [
      "[[:digit:]].csv", "[:digit:]", "[[.a.]]", "[[=a=]]", "[à-é].csv", "[é]", "[z-a]", "[a", "a\\", "[!z-a]", "[]",
    ])
  func refused(_ pattern: String) { #expect(Glob.complaint(about: pattern) != nil) }

  @Test(
    "What is accepted is what the C library matches, too",
    arguments: [
      "*", "*.csv", "a?c", "[a-c]x", "[!a-c]x", "[^a-c]x", "[]x]*", "[!]x]*", "a\\*b", "*a*b*c*", ".*", "*_2026*.csv",
      "[a-]*", "[-a]*", "\\[a]", "é*.csv", "[*?]x", "opens-[0-9][0-9].csv", "",
    ])
  func accepted(_ pattern: String) {
    #expect(Glob.complaint(about: pattern) == nil)
    let names = [
      "", "a", "b.csv", "abc", "bx", "dx", "]x", "xx", "a*b", "axb", "xxaxxbxxcxx", ".hidden", ".a.csv",
      "x_20260312_2.csv", "-", "a-", "[a]", "éa.csv", "*x", "?x", "opens-07.csv", "opens-7.csv", "a.csv.gz",
    ]
    for name in names {
      let theirs = fnmatch(pattern, name, FNM_PERIOD) == 0
      #expect(Glob(pattern).matches(name.utf8) == theirs, "\(pattern) and \(name)")
    }
  }
}
