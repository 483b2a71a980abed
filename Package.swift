// swift-tools-version:6.2
import PackageDescription

// Every target is built the same way. Warnings are errors so that none is ever left for later.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluice", targets: ["sluice"]),
        .executable(name: "demo-shop", targets: ["DemoShop"]),
        .library(name: "EventLog", targets: ["EventLog"]),
        .library(name: "Platform", targets: ["Platform"]),
        // For apps and servers that send events and follow tails; JSONText is its vocabulary.
        .library(name: "SluiceClient", targets: ["SluiceClient", "JSONText"]),
        // For tools/benchmarks, which folds without a platform around.
        .library(
            name: "Folding",
            targets: [
                "Projections", "CustomerModel", "PolicyText", "JSONText", "Hashing", "ReadModel",
            ]),
    ],
    dependencies: [
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // C doors: each is imported by exactly one Swift target.
        .systemLibrary(
            name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(
            name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CChecksum", publicHeadersPath: "include"),

        // The way of an event, from bytes to destinations. Arrows go one way only.
        .target(name: "Hashing", dependencies: ["CChecksum", "CCrypto"], swiftSettings: settings),
        .target(name: "JSONText", swiftSettings: settings),
        .target(
            name: "EventLog", dependencies: ["CLZ4", "Hashing"], swiftSettings: settings),
        .target(
            name: "CustomerModel", dependencies: ["JSONText", "Hashing"], swiftSettings: settings),
        .target(
            name: "PolicyText",
            dependencies: ["CustomerModel", "JSONText", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings),
        .target(
            name: "Projections",
            dependencies: ["CustomerModel", "EventLog", "Hashing", "JSONText", "PolicyText"],
            swiftSettings: settings),
        .target(
            name: "ReadModel",
            dependencies: [
                "CustomerModel", "EventLog", "Hashing", "JSONText", "Projections",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .target(
            name: "Delivery",
            dependencies: [
                "CustomerModel", "EventLog", "Hashing", "JSONText", "Projections",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "Feeds",
            dependencies: [
                "CustomerModel", "CZlib", "JSONText", .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings),
        .target(
            name: "Platform",
            dependencies: [
                "CustomerModel", "Delivery", "EventLog", "Feeds", "Hashing", "JSONText",
                "PolicyText", "Projections", "ReadModel",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings),
        .target(
            name: "Server",
            dependencies: [
                "CustomerModel", "EventLog", "Feeds", "Hashing", "JSONText", "Platform",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Browser/sluice.js")], swiftSettings: settings),
        .executableTarget(
            name: "sluice",
            dependencies: [
                "EventLog", "Feeds", "Hashing", "JSONText", "Platform", "Server",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        // What apps and servers link: nothing of the platform.
        .target(
            name: "SluiceClient",
            dependencies: [
                "Hashing", "JSONText",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings),

        // The example shop: a generator of its traffic and a receiver for its webhooks. No part of the
        // product.
        .executableTarget(
            name: "DemoShop",
            dependencies: [
                "Hashing", "JSONText", "SluiceClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),

        .target(
            name: "TestSupport",
            dependencies: [
                "JSONText",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "HashingTests", dependencies: ["Hashing"], swiftSettings: settings),
        .testTarget(
            name: "JSONTextTests", dependencies: ["JSONText"], swiftSettings: settings),
        .testTarget(
            name: "EventLogTests", dependencies: ["EventLog", "Hashing"], swiftSettings: settings),
        .testTarget(
            name: "CustomerModelTests", dependencies: ["CustomerModel", "Hashing", "JSONText"],
            swiftSettings: settings),
        .testTarget(
            name: "PolicyTextTests", dependencies: ["CustomerModel", "JSONText", "PolicyText"],
            swiftSettings: settings),
        .testTarget(
            name: "FeedsTests", dependencies: ["Feeds", "JSONText"],
            swiftSettings: settings),
        .testTarget(
            name: "ProjectionsTests",
            dependencies: [
                "CustomerModel", "EventLog", "Hashing", "JSONText", "PolicyText", "Projections",
                "TestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ReadModelTests",
            dependencies: [
                "CustomerModel", "EventLog", "Hashing", "JSONText", "Projections", "ReadModel",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "DeliveryTests",
            dependencies: [
                "CustomerModel", "Delivery", "EventLog", "Hashing", "JSONText", "PolicyText",
                "Projections",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "PlatformTests",
            dependencies: ["CustomerModel", "EventLog", "Hashing", "JSONText", "Platform"],
            swiftSettings: settings),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "CustomerModel", "EventLog", "Feeds", "JSONText", "Platform", "Server", "sluice",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SluiceClientTests",
            dependencies: ["DemoShop", "JSONText", "SluiceClient", "TestSupport", "sluice"],
            swiftSettings: settings),
        .testTarget(
            name: "CrashTests", dependencies: ["DemoShop", "JSONText", "TestSupport", "sluice"],
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests", dependencies: ["DemoShop", "JSONText", "TestSupport", "sluice"],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
