/// What the crash tests' shop may tell whom: two destinations under one consent, so that the same
/// effects go to a receiver that deduplicates and into a file that is asked what it holds (E7).
enum CrashPolicy {
    static func text(receiverPort: Int) -> String {
        """
        policy: crash
        identity:
          types:
            - { type: user_id, limit: 1 }
            - { type: anonymous_id, limit: 5, window: 7d }
        purposes:
          advertising: { segment: [Advertising] }
        destinations:
          ads:
            recipient: Example Ads Inc
            webhook: { url: "http://127.0.0.1:\(receiverPort)/ads", secret: ads_webhook }
            purposes: [advertising]
            identifiers: [user_id]
            events:
              - track: Order Completed
                properties: [order_id]
            batch: 7
            attempts: 100
          book:
            recipient: Example Bookkeeping LLP
            file: book.ndjson
            purposes: [advertising]
            identifiers: [user_id]
            events:
              - track: Order Completed
                properties: [order_id]
            batch: 5
            attempts: 100
        """
    }
}
