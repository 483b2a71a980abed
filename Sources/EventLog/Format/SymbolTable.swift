/// The names of one segment, numbered in order of appearance. Owned by the writer's thread.
///
/// What it refuses to number (a name too long, with a control character, or one too many) is
/// ``LogFormat/noSymbol``: the reader reads the line. A control character is refused so that no name
/// can look like a frame of ours to recovery's search.
struct SymbolTable {
    private var numbers: [String: UInt16] = [:]
    private(set) var names: [String] = []
    private var textBytes = 0
    /// The name of each length (modulo the places) that was asked for last: sources and names alternate,
    /// and a comparison is cheaper than a hash.
    private var recent = [(name: String, symbol: UInt16)?](repeating: nil, count: 16)

    init() {}

    init(names: [String]) {
        self.names = names
        for (number, name) in names.enumerated() {
            numbers[name] = UInt16(number)
            textBytes += name.utf8.count
        }
    }

    /// The symbol of `name`, numbered now if it is new.
    mutating func symbol(_ name: String) -> UInt16 {
        let place = name.utf8.count % recent.count
        if let known = recent[place], known.name == name { return known.symbol }
        let symbol = numbers[name] ?? number(name)
        recent[place] = (name, symbol)
        return symbol
    }

    private mutating func number(_ name: String) -> UInt16 {
        let length = name.utf8.count
        guard names.count < Int(LogFormat.noSymbol), length <= LogFormat.maximumNameBytes,
            textBytes + length <= LogFormat.maximumDictionaryBytes,
            !name.utf8.contains(where: { $0 < 0x20 })
        else { return LogFormat.noSymbol }
        let symbol = UInt16(names.count)
        names.append(name)
        numbers[name] = symbol
        textBytes += length
        return symbol
    }

    /// The bytes of a names column: the names from number `first` on. Empty when there are none.
    func introduction(from first: Int) -> [UInt8] {
        guard first < names.count else { return [] }
        var out = ByteWriter()
        out.put(UInt16(first))
        out.put(UInt16(names.count - first))
        for name in names[first...] {
            out.put(UInt16(name.utf8.count))
            out.put(Array(name.utf8))
        }
        return out.bytes
    }

    /// The bytes of a footer's dictionary.
    static func dictionary(_ names: [String]) -> [UInt8] {
        var out = ByteWriter()
        out.put(UInt32(names.count))
        for name in names {
            out.put(UInt16(name.utf8.count))
            out.put(Array(name.utf8))
        }
        return out.bytes
    }

    /// Decodes a names column.
    static func introduced(
        by bytes: UnsafeRawBufferPointer
    ) throws(FormatProblem) -> (first: Int, names: [String]) {
        guard bytes.count >= 4 else { throw FormatProblem("a names column is too short") }
        let first = Int(bytes.integer(UInt16.self, at: 0))
        let number = Int(bytes.integer(UInt16.self, at: 2))
        guard first + number <= Int(LogFormat.noSymbol) else {
            throw FormatProblem("a names column has more names than symbols")
        }
        return (first, try list(bytes.part(4..<bytes.count), number: number))
    }

    /// Decodes a footer's dictionary.
    static func list(
        dictionary bytes: UnsafeRawBufferPointer
    ) throws(FormatProblem) -> [String] {
        guard bytes.count >= 4 else { throw FormatProblem("the dictionary is too short") }
        let number = Int(bytes.integer(UInt32.self, at: 0))
        guard number <= Int(LogFormat.noSymbol) else {
            throw FormatProblem("the dictionary has more names than symbols")
        }
        return try list(bytes.part(4..<bytes.count), number: number)
    }

    /// Decodes `number` names that fill `bytes`.
    static func list(
        _ bytes: UnsafeRawBufferPointer, number: Int
    ) throws(FormatProblem) -> [String] {
        guard number <= bytes.count / 2 else { throw FormatProblem("a list of names is too short") }
        var names: [String] = []
        names.reserveCapacity(number)
        var position = 0
        for _ in 0..<number {
            guard position <= bytes.count - 2 else { throw FormatProblem("a name is cut") }
            let length = Int(bytes.integer(UInt16.self, at: position))
            position += 2
            guard length <= bytes.count - position,
                let name = String(
                    validating: bytes.part(position..<position + length), as: UTF8.self)
            else { throw FormatProblem("a name is cut or not UTF-8") }
            names.append(name)
            position += length
        }
        guard position == bytes.count else { throw FormatProblem("bytes follow the last name") }
        return names
    }
}
