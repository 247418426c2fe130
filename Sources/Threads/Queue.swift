/// First in, first out.
struct Queue<Element> {
  private var coming: [Element] = []
  private var going: [Element] = []

  var isEmpty: Bool { coming.isEmpty && going.isEmpty }

  mutating func append(_ element: Element) { coming.append(element) }

  mutating func popFirst() -> Element? {
    if going.isEmpty {
      going = coming.reversed()
      coming = []
    }
    return going.popLast()
  }
}
