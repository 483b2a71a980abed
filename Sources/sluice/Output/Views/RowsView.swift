internal import JSONText

/// Rows of a query, columns in the query's own order.
enum RowsView {
    static func text(_ value: JSONValue) -> String {
        guard let columns = value["columns"]?.array?.compactMap(\.string),
            let rows = value["rows"]?.array
        else { return Renderer.text(value) }
        let alignments = columns.map { column -> TextTable.Alignment in
            rows.contains { $0[column]?.string != nil } ? .left : .right
        }
        var table = TextTable(columns, alignments: alignments)
        for row in rows { table.add(columns.map { Renderer.cell(row[$0] ?? .null) }) }
        let note = value["truncated"]?.bool == true ? "\n(more rows: see --limit)" : ""
        return table.text + note
    }
}
