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

  @Test(
    "Two patterns meet where one name is matched by both, and a name is told",
    arguments: [
      ("*.csv", "opens*", "opens.csv"), ("a*", "*b", "ab"), ("?", "é", "é"), ("?", "[!a]", "b"), ("a*c", "ab*", "abc"),
      ("opens.csv", "opens.csv", "opens.csv"), ("[a-c]x", "[c-e]?", "cx"), (".*", "*", nil), (".*", ".?*", ".a"),
      ("*a*b*", "*b*a*", "aba"), ("??", "é", nil), ("a", "b", nil), ("*.csv", "*.log", nil), ("[a-c]", "[d-f]", nil),
      ("[!a-c]", "[abc]", nil), ("a?c", "a??c", nil), ("opens-*.csv", "opens.csv", nil), ("*", "*", "a"),
      ("*\\**", "a?b", "a*b"),
    ] as [(String, String, String?)])
  func meeting(_ a: String, _ b: String, name: String?) {
    #expect(NameSet(Glob(a)).meeting(NameSet(Glob(b))) == name)
    #expect((NameSet(Glob(b)).meeting(NameSet(Glob(a))) == nil) == (name == nil))
  }

  @Test("Whether two patterns meet is what all short names say")
  func meetingByHand() {
    let letters = ["a", "b", ".", "é"]
    var names = letters
    for _ in 0..<3 { names = Array(Set(names + names.flatMap { name in letters.map { name + $0 } })) }
    let patterns = [
      "a", "?", "*", "[ab]", "[!a]", "a*", "*b", "?b", ".*", "a?", "??", "*.b", "é*", "*é?", "[!b]?", "b*a",
    ]
    for a in patterns {
      for b in patterns {
        let isMet = names.contains { Glob(a).matches($0.utf8) && Glob(b).matches($0.utf8) }
        let name = NameSet(Glob(a)).meeting(NameSet(Glob(b)))
        #expect((name != nil) == isMet, "\(a) and \(b): \(name ?? "none")")
      }
    }
  }
}
