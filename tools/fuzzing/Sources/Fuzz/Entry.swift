// What libFuzzer calls. One program holds all targets; `--target=NAME` names the one that is meant:
//
//   Fuzz --list                           the targets' names
//   Fuzz --target=NAME --seeds=DIRECTORY  writes the target's seeds there, and ends
//   Fuzz --target=NAME [libFuzzer's own]  fuzzes it; files among the arguments are run once each

import CFuzzer
import Foundation

/// Set once, before the first input, on the only thread that fuzzes.
nonisolated(unsafe) private var target: Target?

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>>>
) -> CInt {
    var options: [String: String] = [:]
    for index in 1..<max(1, Int(count.pointee)) {
        let argument = String(cString: arguments.pointee[index])
        guard argument.hasPrefix("--") else { continue }
        let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
        options[parts[0]] = parts.count > 1 ? parts[1] : ""
    }
    if options["list"] != nil {
        for target in Target.all { print(target.name) }
        exit(0)
    }
    guard let name = options["target"], let found = Target.all.first(where: { $0.name == name })
    else { stop("name one of these with --target=: \(Target.all.map(\.name))") }
    target = found
    if let directory = options["seeds"] {
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true)
            for (number, seed) in try found.seeds().enumerated() {
                try Data(seed).write(to: URL(fileURLWithPath: "\(directory)/seed-\(number)"))
            }
        } catch { stop("no seeds could be made: \(error)") }
        exit(0)
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let target else { stop("no target was named") }
    target.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// Mutates, and then mostly makes the checksums right again, so that what was mutated is decoded rather
/// than refused at the door. An input is always what it is: nothing is repaired when it is run.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(
    _ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ room: Int, _ seed: CUnsignedInt
) -> Int {
    guard let target else { stop("no target was named") }
    var random = Random(seed: UInt64(seed))
    var bytes: [UInt8]
    if let mutate = target.mutate, random.below(4) > 0 {
        bytes = Array(UnsafeBufferPointer(start: data, count: size))
        mutate(&bytes, &random)
    } else if random.below(3) == 0, size > 0 {
        bytes = Array(UnsafeBufferPointer(start: data, count: size))
        for _ in 0...random.below(3) { FieldMutation.apply(to: &bytes, &random) }
    } else {
        let count = LLVMFuzzerMutate(data, size, room)
        bytes = Array(UnsafeBufferPointer(start: data, count: count))
    }
    if random.below(8) > 0 { target.repair(&bytes, &random) }
    let count = min(bytes.count, room)
    for index in 0..<count { data[index] = bytes[index] }
    return count
}

/// Ends the program because it was called wrongly.
func stop(_ message: String) -> Never {
    FileHandle.standardError.write(Data("Fuzz: \(message)\n".utf8))
    exit(2)
}
