"""A small star: sales in shops and on the web, around dates, items, customers and shops. Items and customers are skewed, and
sales lie in the order of their dates. Twelve shapes of questions; primary keys of the dimensions are the only indexes.
"""

from workload import Answer, Query, Workload, fill, led_by, on, one_of, pick, skewed

TABLES = """
CREATE TABLE date_dim (d_date_sk int PRIMARY KEY, d_date date NOT NULL, d_year int NOT NULL, d_moy int NOT NULL,
                       d_dow int NOT NULL);
CREATE TABLE item (i_item_sk int PRIMARY KEY, i_item_id text NOT NULL, i_brand text NOT NULL, i_category text NOT NULL,
                   i_manager int NOT NULL, i_price numeric(7,2) NOT NULL);
CREATE TABLE customer (c_customer_sk int PRIMARY KEY, c_name text NOT NULL, c_email text NOT NULL, c_birth_year int NOT NULL,
                       c_city text NOT NULL, c_gender char NOT NULL);
CREATE TABLE store (s_store_sk int PRIMARY KEY, s_name text NOT NULL, s_state text NOT NULL);
CREATE TABLE store_sales (ss_id int, ss_date_sk int NOT NULL, ss_item_sk int NOT NULL, ss_customer_sk int,
                          ss_store_sk int NOT NULL,
                          ss_ticket int NOT NULL, ss_quantity int NOT NULL, ss_price numeric(7,2) NOT NULL,
                          ss_profit numeric(7,2) NOT NULL);
CREATE TABLE web_sales (ws_id int, ws_date_sk int NOT NULL, ws_item_sk int NOT NULL, ws_customer_sk int, ws_quantity int NOT NULL,
                        ws_price numeric(7,2) NOT NULL);
CREATE TABLE store_returns (sr_id int, sr_date_sk int NOT NULL, sr_item_sk int NOT NULL, sr_customer_sk int,
                            sr_ticket int NOT NULL,
                            sr_amount numeric(7,2) NOT NULL)"""

CATEGORIES = ["Books", "Children", "Electronics", "Home", "Jewelry", "Men", "Music", "Shoes", "Sports", "Women"]
STATES = ["CA", "NY", "TN", "TX"]
DAYS, SHOPS = 2000, 12


def tables(scale):
    """1 is a million sales in shops."""
    items, customers, sales, web, returns = (max(int(n * scale), 200) for n in (18_000, 100_000, 1_000_000, 300_000, 50_000))
    yield TABLES
    day = "(date '2019-01-01' + i)"
    yield fill("date_dim", ["i", day, f"extract(year FROM {day})", f"extract(month FROM {day})", f"extract(dow FROM {day})"],
               DAYS)
    yield fill("item", ["i", "'ITEM' || lpad(i::text, 8, '0')", f"'brand ' || {pick('i', 1, 400)}", one_of("i", 2, CATEGORIES),
                        pick("i", 3, 100), f"1 + {pick('i', 4, 20000)} / 100.0"], items)
    yield fill("customer", ["i", "'Customer ' || i", "'c' || i || '@example.com'", f"1930 + {pick('i', 5, 75)}",
                            f"'city ' || {skewed('i', 6, 500)}", one_of("i", 7, ["F", "M"])], customers)
    yield fill("store", ["i", "'shop ' || i", one_of("i", 8, STATES)], SHOPS)
    yield fill("store_sales", ["i", f"1 + (i::bigint * {DAYS - 1} / {sales})::int", f"1 + {skewed('i', 9, items)}",
                               f"CASE WHEN i % 25 > 0 THEN 1 + {skewed('i', 10, customers, 2)} END",
                               f"1 + {pick('i', 11, SHOPS)}", "i / 3",
                               f"1 + {pick('i', 12, 100)}", f"1 + {pick('i', 13, 20000)} / 100.0",
                               f"{pick('i', 14, 10000)} / 100.0 - 20"],
               sales)
    yield fill("web_sales", ["i", f"1 + (i::bigint * {DAYS - 1} / {web})::int", f"1 + {skewed('i', 15, items)}",
                             f"1 + {skewed('i', 16, customers, 2)}", f"1 + {pick('i', 17, 100)}",
                             f"1 + {pick('i', 18, 20000)} / 100.0"], web)
    yield (f"INSERT INTO store_returns SELECT ss_id, ss_date_sk + {pick('ss_id', 19, 30)}, ss_item_sk, ss_customer_sk, "
           "ss_ticket, ss_price "
           f"FROM store_sales WHERE ss_id % {sales // returns} = 0")


QUERIES = [
    Query("brands of a month", """
        SELECT i_brand, sum(ss_price) FROM store_sales, date_dim, item WHERE ss_date_sk = d_date_sk AND ss_item_sk = i_item_sk
          AND d_year = %s AND d_moy = %s AND i_manager = %s GROUP BY i_brand ORDER BY 2 DESC LIMIT 20""",
          [(2020, 11, 7), (2021, 12, 31), (2022, 3, 55), (2019, 6, 81), (2023, 1, 12)]),
    Query("a category by shop", """
        SELECT s_state, sum(ss_profit) FROM store_sales, date_dim, item, store WHERE ss_date_sk = d_date_sk
        AND ss_item_sk = i_item_sk
          AND ss_store_sk = s_store_sk AND d_date BETWEEN %s::date AND %s::date + 30 AND i_category = %s GROUP BY s_state""",
          [("2020-02-01", "2020-02-01", "Books"), ("2021-05-01", "2021-05-01", "Music"), ("2022-09-01", "2022-09-01", "Shoes"),
           ("2019-03-01", "2019-03-01", "Home"), ("2023-06-01", "2023-06-01", "Men")]),
    Query("a whole year by month", """
        SELECT d_moy, sum(ss_price), count(*) FROM store_sales, date_dim WHERE ss_date_sk = d_date_sk
        AND d_year = %s GROUP BY d_moy""",
          [(2019,), (2020,), (2021,), (2022,), (2023,)]),
    Query("an item's sales", """
        SELECT d_year, d_moy, sum(ss_quantity) FROM store_sales, date_dim WHERE ss_date_sk = d_date_sk AND ss_item_sk = %s
        GROUP BY d_year, d_moy ORDER BY 1, 2""", [(9000,), (12345,), (401,), (17000,), (2500,)]),
    Query("what a customer bought", """
        SELECT i_item_id, ss_price, d_date FROM store_sales, item, date_dim WHERE ss_item_sk = i_item_sk
        AND ss_date_sk = d_date_sk
          AND ss_customer_sk = %s ORDER BY d_date DESC LIMIT 50""", [(50000,), (777,), (91234,), (20202,), (64000,)]),
    Query("both ways of buying", """
        SELECT count(*) FROM customer WHERE c_birth_year = %s AND c_city = %s
          AND EXISTS (SELECT 1 FROM store_sales WHERE ss_customer_sk = c_customer_sk AND ss_date_sk BETWEEN %s AND %s)
          AND EXISTS (SELECT 1 FROM web_sales WHERE ws_customer_sk = c_customer_sk AND ws_date_sk BETWEEN %s AND %s)""",
          [(1970, "city 100", 100, 500, 100, 500), (1985, "city 31", 800, 1200, 800, 1200),
           (1950, "city 7", 1500, 1900, 1500, 1900),
           (1999, "city 222", 1, 400, 1, 400), (1962, "city 55", 600, 1000, 600, 1000)]),
    Query("returned after the sale", """
        SELECT count(*), sum(ss_price) FROM store_sales WHERE ss_date_sk BETWEEN %s AND %s
          AND EXISTS (SELECT 1 FROM store_returns WHERE sr_ticket = ss_ticket AND sr_item_sk = ss_item_sk)""",
          [(100, 107), (777, 784), (1500, 1507), (1234, 1241), (1990, 1997)]),
    Query("customers who return most", """
        SELECT c_name, sum(sr_amount) FROM store_returns, date_dim, customer WHERE sr_date_sk = d_date_sk
        AND sr_customer_sk = c_customer_sk
          AND d_year = %s AND d_moy = %s GROUP BY c_name ORDER BY 2 DESC LIMIT 10""",
          [(2020, 1), (2021, 2), (2022, 7), (2019, 9), (2023, 4)]),
    Query("items of a price that sell on the web", """
        SELECT i_item_id, count(*) FROM item, web_sales, date_dim WHERE i_price BETWEEN %s AND %s AND ws_item_sk = i_item_sk
          AND ws_date_sk = d_date_sk AND d_date BETWEEN %s::date AND %s::date + 60 GROUP BY i_item_id ORDER BY 2 DESC LIMIT 20""",
          [(10, 11, "2020-02-01", "2020-02-01"), (50, 51, "2021-03-01", "2021-03-01"), (99, 100, "2022-10-01", "2022-10-01"),
           (150, 151, "2019-08-01", "2019-08-01"), (20, 21, "2023-05-01", "2023-05-01")]),
    Query("the last tickets of a shop", """
        SELECT ss_ticket, sum(ss_price) FROM store_sales WHERE ss_store_sk = %s AND ss_date_sk BETWEEN %s AND %s
        GROUP BY ss_ticket ORDER BY 2 DESC LIMIT 100""", [(1, 100, 101), (5, 900, 901), (12, 1998, 1999), (7, 50, 51),
                                                          (3, 1500, 1501)]),
    Query("shops and web of an item", """
        SELECT sum(q) FROM (SELECT ss_quantity AS q FROM store_sales WHERE ss_item_sk = %s
                            UNION ALL SELECT ws_quantity FROM web_sales WHERE ws_item_sk = %s) both_ways""",
          [(8000, 8000), (12121, 12121), (999, 999), (17500, 17500), (4321, 4321)]),
    Query("a customer by address", "SELECT c_customer_sk, c_name, c_city FROM customer WHERE c_email = %s",
          [("c50000@example.com",), ("c77777@example.com",), ("c123@example.com",), ("c99999@example.com",),
           ("c4242@example.com",)]),
]

WORKLOAD = Workload(
    "star", "A star of sales", __doc__, tables, QUERIES,
    ["store_sales (ss_date_sk)", "store_sales (ss_item_sk)", "store_sales (ss_customer_sk)", "web_sales (ws_item_sk)",
     "web_sales (ws_customer_sk)", "store_returns (sr_ticket, sr_item_sk)", "store_returns (sr_date_sk)", "customer (c_email)"],
    [Answer("store_sales by date, btree or BRIN", lambda found: any("ss_date_sk" in one for one in on(found, "store_sales"))),
     Answer("store_sales by item", lambda found: led_by(found, "store_sales", "ss_item_sk")),
     Answer("nothing for shops and dates", lambda found: not on(found, "store") and not on(found, "date_dim")),
     Answer("nothing for the customers' gender or year alone",
            lambda found: not led_by(found, "customer", "c_gender") and "customer (c_birth_year)" not in found)])
