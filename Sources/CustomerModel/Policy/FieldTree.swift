/// A field list as a tree of names, so that an object is walked once for the whole list.
struct FieldTree {
    /// The unescaped bytes of one name, and what is let out under it.
    struct Branch {
        var name: [UInt8]
        var below: FieldTree
    }

    /// Whether everything from here down leaves. Then there are no branches.
    private(set) var isWhole = false
    private(set) var branches: [Branch] = []

    /// Nil for a list that lets nothing out.
    init?(_ list: FieldList) {
        switch list {
        case .none: return nil
        case .all: isWhole = true
        case .listed(let paths):
            for path in paths { insert(path.names[...]) }
            if branches.isEmpty { return nil }
        }
    }

    private init() {}

    private mutating func insert(_ names: ArraySlice<String>) {
        guard !isWhole else { return }
        guard let first = names.first else {
            isWhole = true
            branches = []
            return
        }
        let name = Array(first.utf8)
        if let place = branches.firstIndex(where: { $0.name == name }) {
            branches[place].below.insert(names.dropFirst())
        } else {
            var below = FieldTree()
            below.insert(names.dropFirst())
            branches.append(Branch(name: name, below: below))
        }
    }

    /// What is let out under `name`; nil for nothing. Not to be asked of a whole tree.
    func below(_ name: UnsafeRawBufferPointer) -> FieldTree? {
        branches.first { $0.name.elementsEqual(name) }?.below
    }
}
