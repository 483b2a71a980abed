import EventLog
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

extension RandomHistory {
    // MARK: - Crashes

    mutating func crash(_ draw: inout SeededRandom) {
        let later = Int.random(in: 0...8, using: &draw)
        let batches = (0..<6).map { _ in Int.random(in: 1...8, using: &draw) }
        steps.append("crash, \(later) syncs from now, after \(batches)")
        isFaulty = true
        if later > 0, !isFull, let log {
            storage.state.withLock { $0.freezeAtSync = $0.syncs + later }
            do {
                for count in batches {
                    if try appendBatch(count, to: log), count % 2 == 0 { try waitForAll(log) }
                }
            } catch {}
        }
        var image = cut(storage, &draw)
        do {
            problems += try model.filesWithErasedLines(on: image).map { "\($0) came back" }
        } catch { problems.append("\(error)") }
        // And again while the log is being recovered.
        while Int.random(in: 0..<3, using: &draw) == 0 {
            let sync = Int.random(in: 1...4, using: &draw)
            steps.append("  crash at sync \(sync) of the recovery")
            image.state.withLock { $0.freezeAtSync = sync }
            do throws(LogError) {
                let log = try EventLog.open(storage: image, configuration: configuration)
                // It may have come far enough to append records of its own.
                problems += model.reopened(log)
                log.close()
            } catch {
                if image.state.withLock({ !$0.isFrozen }) { problems.append("recovery: \(error)") }
            }
            image = cut(image, &draw)
        }
        close()
        storage = image
        isFaulty = false
        isFull = false
        open()
    }

    /// Stops the machine of `storage`; what its disk then holds.
    mutating func cut(
        _ storage: MemoryStorage, _ draw: inout SeededRandom
    ) -> MemoryStorage {
        let pick = draw.next()
        let way = Int.random(in: 0..<4, using: &draw)
        let allNames = Bool.random(using: &draw)
        storage.state.withLock { $0.isFrozen = true }
        let names = storage.unsyncedDirectoryChanges
        let cuts = storage.cutsOfLastWrite
        let writes: Survival.Writes =
            switch way {
            case 0: .nothing
            case 1: .everything
            case 2: .cut(bytes: cuts.isEmpty ? 0 : cuts[Int(pick % UInt64(cuts.count))])
            default: .sectors(seed: pick)
            }
        let survival = Survival(
            writes, directoryChanges: allNames ? nil : Int(pick % UInt64(names + 1)))
        if case .sectors = writes { mayLookRotten = true }
        steps.append("  \(survival)")
        return storage.afterPowerCut(survival)
    }

    // MARK: - Faults

    mutating func fault(_ draw: inout SeededRandom) {
        let later = Int.random(in: 1...6, using: &draw)
        let pick = draw.next()
        let leaves: MemoryDisk.Leftover = Bool.random(using: &draw) ? .cached : .dropped
        let operation = [StorageError.Operation.create, .rename, .unlink][Int(pick % 3)]
        let code = [ENOSPC, EDQUOT, EACCES, EROFS, EIO][Int(pick / 3 % 5)]
        switch Int.random(in: 0..<7, using: &draw) {
        case 0:
            steps.append("fault: sync \(later) from now fails, the cache is \(leaves)")
            storage.state.withLock {
                $0.failSync = $0.syncs + later
                $0.failedSyncLeaves = leaves
            }
        case 1:
            steps.append("fault: write \(later) from now fails")
            storage.state.withLock { $0.failWriteIn = later }
        case 2:
            steps.append("fault: writes of at most \(later * 40) bytes")
            return storage.state.withLock { $0.longestWrite = later * 40 }
        case 3, 4:
            let space = Int(pick % 4_000)
            steps.append("fault: space for \(space) bytes")
            isFull = true
            storage.state.withLock { $0.space = space }
        case 5:
            steps.append("fault: \(operation) fails with \(code)")
            isFull = true
            storage.state.withLock { $0.refuse = { asked, _ in asked == operation ? code : nil } }
        default:
            steps.append("fault: lifted")
            return liftAndWait()
        }
        isFaulty = true
    }

    mutating func lift() {
        isFull = false
        storage.state.withLock {
            $0.failSync = nil
            $0.failWriteIn = nil
            $0.longestWrite = nil
            $0.space = nil
            $0.refuse = nil
            $0.flips = [:]
            $0.unreadable = [:]
        }
    }

    mutating func liftAndWait() {
        lift()
        attempt("wait") { try $0.waitForAll($1) }
    }

    /// A reader meets a place that cannot be read, or that lies, and says nothing wrong.
    mutating func readWithFaults(_ draw: inout SeededRandom) {
        let (file, place) = (draw.next(), draw.next())
        let lies = Bool.random(using: &draw)
        isFaulty = true
        attempt("read with a \(lies ? "lie" : "bad place")") { history, log in
            let files = try history.storage.list().filter { $0.hasSuffix(".lz4") }
            guard !files.isEmpty else { return }
            let name = files[Int(file % UInt64(files.count))]
            let size = history.storage.contents(name)?.count ?? 0
            let position = Int(place % UInt64(max(size, 1)))
            history.storage.state.withLock {
                if lies {
                    $0.flips = [name: (position, 0x20)]
                } else {
                    $0.unreadable = [name: position..<position + 1]
                }
            }
            defer {
                history.storage.state.withLock {
                    $0.flips = [:]
                    $0.unreadable = [:]
                }
            }
            let (records, _) = try log.readAll()
            history.problems += records.compactMap { history.model.problem($0) }
        }
    }
}
