import JSONText

/// The members of a commerce event under the names that Segment's clients use for them.
///
/// ```
/// product_action {transaction_id, total_amount, tax_amount, shipping_amount, coupon_code, products}
///             -> order_id, total, tax, shipping, coupon, products; the rest as it is
/// products    {id, coupon_code} -> product_id, coupon; the rest as it is
/// currency_code -> currency
/// ```
/// A custom attribute of the same name stands before it. Product impressions and promotions stay as they
/// are.
struct MParticleCommerce {
    private let data: JSONView?
    private let attributes: JSONView?
    /// The names written so far, those of members that were renamed among them.
    private(set) var written: [String] = []

    init(_ data: JSONView?, besides attributes: JSONView?) {
        self.data = data
        self.attributes = attributes
    }

    /// The event's name; nil when it is not one of the known actions.
    static func name(_ data: JSONView) -> String? {
        if let action = data["product_action"]?["action"]?.string {
            return productNames.first { $0.action == action }?.name ?? action
        }
        if let action = data["promotion_action"]?["action"]?.string {
            switch action {
            case "view": return "Promotion Viewed"
            case "click": return "Promotion Clicked"
            default: return action
            }
        }
        if data["product_impressions"]?.kind == .array { return "Product List Viewed" }
        // One client calls its crash reports so.
        return isCrash(data) ? "crash_report" : nil
    }

    static func isCrash(_ data: JSONView) -> Bool {
        data["severity"]?.kind == .string && data["message"]?.kind == .string
    }

    private static let productNames: [(action: String, name: String)] = [
        ("purchase", "Order Completed"), ("refund", "Order Refunded"),
        ("add_to_cart", "Product Added"), ("remove_from_cart", "Product Removed"),
        ("view_detail", "Product Viewed"), ("click", "Product Clicked"),
        ("checkout", "Checkout Started"), ("checkout_option", "Checkout Step Completed"),
        ("add_to_wishlist", "Product Added to Wishlist"),
        ("remove_from_wish_list", "Product Removed from Wishlist"),
        ("remove_from_wishlist", "Product Removed from Wishlist"),
    ]

    private static let actionNames = [
        "transaction_id": "order_id", "total_amount": "total", "tax_amount": "tax",
        "shipping_amount": "shipping", "coupon_code": "coupon",
    ]

    mutating func write(_ out: inout JSONWriter) {
        if let currency = data?["currency_code"] {
            written.append("currency_code")
            add("currency", &out) { $0.value(currency) }
        }
        guard let action = data?["product_action"], action.kind == .object else { return }
        written.append("product_action")
        action.forEachMember { key, value in
            guard let name = key.string else { return }
            add(Self.actionNames[name] ?? name, &out) { out in
                if name == "products", value.kind == .array {
                    Self.write(products: value, &out)
                } else {
                    out.value(value)
                }
            }
        }
    }

    private mutating func add(
        _ name: String, _ out: inout JSONWriter, _ write: (inout JSONWriter) -> Void
    ) {
        guard !written.contains(name), attributes?.member(name) == nil else { return }
        written.append(name)
        out.key(name)
        write(&out)
    }

    private static func write(products: JSONView, _ out: inout JSONWriter) {
        out.beginArray()
        products.forEachElement { product in
            guard product.kind == .object else {
                out.value(product)
                return
            }
            out.beginObject()
            product.forEachMember { key, value in
                let name: String
                if key.equals("id"), product["product_id"] == nil {
                    name = "product_id"
                } else if key.equals("coupon_code"), product["coupon"] == nil {
                    name = "coupon"
                } else {
                    name = key.string ?? ""
                }
                out.key(name)
                out.value(value)
            }
            out.endObject()
        }
        out.endArray()
    }
}
