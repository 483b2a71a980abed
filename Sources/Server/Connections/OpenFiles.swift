private import Glibc

/// How many files and connections this process may have open.
public enum OpenFiles {
    /// Left to the log, checkpoints, the read model and destinations. Without it a crowd of clients could keep
    /// the log from opening its next segment, which is final for it.
    static let reserved = 256

    /// Raises the limit as far as the system lets a process do itself, and says what it is.
    @discardableResult
    public static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return reserved * 2
        }
        let wanted = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
        var raised = wanted
        if limit.rlim_cur < limit.rlim_max,
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0
        {
            limit = wanted
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// As many connections of those wanted as leave the rest enough.
    static func connections(_ wanted: Int, ofLimit limit: Int) -> Int {
        max(16, min(wanted, limit - reserved))
    }
}
