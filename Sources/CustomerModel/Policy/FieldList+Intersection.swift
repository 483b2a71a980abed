extension FieldList {
    /// What both lists let out: a body under two rules holds no more than either sends (E5, E6).
    ///
    /// Of two paths of which one is under the other, the longer remains. The order is this list's.
    public func intersection(_ other: FieldList) -> FieldList {
        switch (self, other) {
        case (.none, _), (_, .none): return .none
        case (.all, let rest), (let rest, .all): return rest
        case (.listed(let mine), .listed(let theirs)):
            var common: [FieldPath] = []
            for path in mine {
                for other in theirs {
                    let narrower: FieldPath
                    if path.isUnder(other) {
                        narrower = path
                    } else if other.isUnder(path) {
                        narrower = other
                    } else {
                        continue
                    }
                    if !common.contains(narrower) { common.append(narrower) }
                }
            }
            return common.isEmpty ? .none : .listed(common)
        }
    }
}

extension FieldPath {
    /// Whether it is `other` or stands under it.
    public func isUnder(_ other: FieldPath) -> Bool { names.starts(with: other.names) }
}
