// swift-tools-version:6.2
import PackageDescription

// The fuzzers' own package: the decoders' sources by way of links, so that nothing but Yams is fetched and
// `@testable` reaches what is internal. To be built by tools/fuzz, with libFuzzer.

let product: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // Optimised, but with the checks of a debug build: an index past a buffer's end traps, and so does
    // whatever a release build would let pass.
    .unsafeFlags(["-enable-testing", "-assert-config", "Debug"]),
]

let package = Package(
    name: "fuzzing",
    dependencies: [.package(url: "https://github.com/jpsim/Yams", exact: "6.2.2")],
    targets: [
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4"),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto"),
        .target(name: "CChecksum", publicHeadersPath: "include"),
        .target(name: "CFuzzer", publicHeadersPath: "include"),
        .target(name: "Hashing", dependencies: ["CChecksum", "CCrypto"], swiftSettings: product),
        .target(name: "JSONText", swiftSettings: product),
        .target(name: "EventLog", dependencies: ["CLZ4", "Hashing"], swiftSettings: product),
        .target(
            name: "CustomerModel", dependencies: ["JSONText", "Hashing"], swiftSettings: product),
        .target(
            name: "PolicyText",
            dependencies: ["CustomerModel", "JSONText", .product(name: "Yams", package: "Yams")],
            swiftSettings: product),
        .target(
            name: "Projections",
            dependencies: ["CustomerModel", "EventLog", "Hashing", "JSONText", "PolicyText"],
            swiftSettings: product),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "CFuzzer", "CLZ4", "CustomerModel", "EventLog", "Hashing", "JSONText", "PolicyText",
                "Projections",
            ],
            swiftSettings: product),
    ],
    swiftLanguageModes: [.v6]
)
