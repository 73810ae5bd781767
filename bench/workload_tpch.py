"""Orders, their lines, parts and suppliers: tables shaped like TPC-H's, made in SQL, and statements adapted from what its
queries ask. Primary keys are there, and no other index.

This is not TPC-H: the rows are made here, the statements are written anew, and the figures are not comparable with it.
"""

from workload import Answer, Query, Workload, fill, led_by, one_of, pick

TABLES = """
CREATE TABLE region (r_regionkey int PRIMARY KEY, r_name text NOT NULL);
CREATE TABLE nation (n_nationkey int PRIMARY KEY, n_name text NOT NULL, n_regionkey int NOT NULL);
CREATE TABLE supplier (s_suppkey int PRIMARY KEY, s_name text NOT NULL, s_nationkey int NOT NULL,
                       s_acctbal numeric(15,2) NOT NULL);
CREATE TABLE part (p_partkey int PRIMARY KEY, p_name text NOT NULL, p_brand text NOT NULL, p_type text NOT NULL,
                   p_size int NOT NULL, p_container text NOT NULL);
CREATE TABLE partsupp (ps_partkey int, ps_suppkey int, ps_availqty int NOT NULL, ps_supplycost numeric(15,2) NOT NULL,
                       PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE customer (c_custkey int PRIMARY KEY, c_name text NOT NULL, c_nationkey int NOT NULL, c_phone text NOT NULL,
                       c_acctbal numeric(15,2) NOT NULL, c_mktsegment text NOT NULL);
CREATE TABLE orders (o_orderkey int PRIMARY KEY, o_custkey int NOT NULL, o_orderstatus char NOT NULL,
                     o_totalprice numeric(15,2) NOT NULL, o_orderdate date NOT NULL, o_orderpriority text NOT NULL,
                     o_comment text NOT NULL);
CREATE TABLE lineitem (l_orderkey int, l_partkey int NOT NULL, l_suppkey int NOT NULL, l_linenumber int,
                       l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL,
                       l_discount numeric(15,2) NOT NULL,
                       l_tax numeric(15,2) NOT NULL, l_returnflag char NOT NULL, l_linestatus char NOT NULL,
                       l_shipdate date NOT NULL, l_commitdate date NOT NULL, l_receiptdate date NOT NULL,
                       l_shipinstruct text NOT NULL, l_shipmode text NOT NULL, l_comment text NOT NULL,
                       PRIMARY KEY (l_orderkey, l_linenumber))"""

REGIONS = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]
NATIONS = ["ALGERIA", "ARGENTINA", "CHINA", "FRANCE", "EGYPT", "ETHIOPIA", "BRAZIL", "INDIA", "GERMANY", "IRAN",
           "KENYA", "CANADA", "INDONESIA", "ROMANIA", "IRAQ", "MOROCCO", "PERU", "JAPAN", "RUSSIA", "JORDAN",
           "MOZAMBIQUE", "UNITED STATES", "VIETNAM", "UNITED KINGDOM", "SAUDI ARABIA"]
SEGMENTS = ["AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"]
CONTAINERS = [f"{size} {kind}" for size in ("SM", "MED", "LG", "JUMBO", "WRAP") for kind in ("CASE", "BOX", "BAG", "JAR", "PKG")]
TYPES = [f"{a} {b} {c}" for a in ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO")
         for b in ("ANODIZED", "BURNISHED", "PLATED", "POLISHED") for c in ("TIN", "NICKEL", "BRASS", "STEEL", "COPPER")]
COLOURS = ["almond", "azure", "beige", "blue", "brown", "coral", "cream", "cyan", "forest", "green", "indigo", "ivory", "khaki",
           "lemon", "lime", "linen", "navy", "olive", "orchid", "peach", "plum", "red", "rose", "salmon", "sienna", "tan",
           "white"]
MODES = ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]
INSTRUCTIONS = ["COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"]
PRIORITIES = ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"]


def supplier_of(part, number, suppliers):
    """Four of them have a part, and a line of an order is of one of the four."""
    return f"1 + (({part})::bigint * 7 + ({number}) * {max(suppliers // 4, 1)}) % {suppliers}"


def tables(scale):
    """1 is what TPC-H calls so: 6 million lines."""
    suppliers, parts, customers, orders = (max(int(n * scale), 40) for n in (10_000, 200_000, 150_000, 1_500_000))
    yield TABLES
    yield from (f"INSERT INTO region VALUES ({n}, '{name}')" for n, name in enumerate(REGIONS))
    yield from (f"INSERT INTO nation VALUES ({n}, '{name}', {n % 5})" for n, name in enumerate(NATIONS))
    yield fill("supplier", ["i", "'Supplier#' || i", pick("i", 1, 25), f"{pick('i', 2, 1100000)} / 100.0 - 999"], suppliers)
    colours = [one_of("i", salt, COLOURS) for salt in (3, 4)]
    yield fill("part", ["i", f"{colours[0]} || ' ' || {colours[1]}",
                        f"'Brand#' || 1 + {pick('i', 5, 5)} || 1 + {pick('i', 6, 5)}",
                        one_of("i", 7, TYPES), f"1 + {pick('i', 8, 50)}", one_of("i", 9, CONTAINERS)], parts)
    yield (f"INSERT INTO partsupp SELECT i, {supplier_of('i', 'k', suppliers)}, 1 + {pick('i * 4 + k', 10, 9999)}, "
           f"1 + {pick('i * 4 + k', 11, 99900)} / 100.0 FROM generate_series(1, {parts}) i, generate_series(0, 3) k")
    yield fill("customer", ["i", "'Customer#' || i", pick("i", 12, 25),
                            f"10 + {pick('i', 12, 25)} || '-' || {pick('i', 13, 1000000)}",
                            f"{pick('i', 14, 1100000)} / 100.0 - 999", one_of("i", 15, SEGMENTS)], customers)
    # A third of the customers order nothing.
    yield fill("orders", ["i", f"1 + {pick('i', 16, customers)} / 3 * 3 % {customers} + i % 2", "'O'",
                          f"1000 + {pick('i', 17, 40000000)} / 100.0", f"date '1992-01-01' + {pick('i', 18, 2405)}",
                          one_of("i", 19, PRIORITIES),
                          f"CASE WHEN i % 80 = 7 THEN 'special packed requests' ELSE md5(i::text) END"],
               orders)
    line = "o.o_orderkey::bigint * 8 + n"
    part = f"1 + {pick(line, 21, parts)}"
    yield f"""INSERT INTO lineitem
        SELECT o_orderkey, part, {supplier_of('part', pick('line', 22, 4), suppliers)}, n, quantity,
        quantity * (900 + part % 1000), discount,
               {pick('line', 23, 9)} / 100.0, CASE WHEN shipped < '1995-06-17' THEN {one_of('line', 24, ['A', 'R'])} ELSE 'N' END,
               CASE WHEN shipped < '1995-06-17' THEN 'F' ELSE 'O' END, shipped, o_orderdate + 30 + {pick('line', 25, 60)},
               shipped + 1 + {pick('line', 26, 30)}, {one_of('line', 27, INSTRUCTIONS)}, {one_of('line', 28, MODES)},
               md5(line::text)
        FROM (SELECT o.*, n, {line} AS line, {part} AS part, 1 + {pick(line, 29, 50)} AS quantity,
              {pick(line, 30, 11)} / 100.0 AS discount,
                     o_orderdate + 1 + {pick(line, 31, 121)} AS shipped
              FROM orders o, generate_series(1, 7) n WHERE n <= 1 + {pick('o_orderkey', 32, 7)}) made"""


QUERIES = [
    Query("prices by flag", """
        SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)), count(*)
        FROM lineitem WHERE l_shipdate <= %s::date GROUP BY 1, 2 ORDER BY 1, 2""",
        [("1998-09-02",), ("1998-08-12",), ("1998-07-01",)]),
    Query("cheapest supplier", """
        SELECT s_acctbal, s_name, n_name, p_partkey FROM part, supplier, partsupp, nation, region
        WHERE p_partkey = ps_partkey AND s_suppkey = ps_suppkey AND p_size = %s AND p_type LIKE %s AND s_nationkey = n_nationkey
          AND n_regionkey = r_regionkey AND r_name = %s
          AND ps_supplycost = (SELECT min(ps_supplycost) FROM partsupp, supplier, nation, region
                               WHERE p_partkey = ps_partkey AND s_suppkey = ps_suppkey AND s_nationkey = n_nationkey
                                 AND n_regionkey = r_regionkey AND r_name = %s)
        ORDER BY s_acctbal DESC, n_name, s_name, p_partkey LIMIT 100""",
          [(15, "%BRASS", "EUROPE", "EUROPE"), (7, "%TIN", "ASIA", "ASIA"), (30, "%STEEL", "AFRICA", "AFRICA")]),
    Query("unshipped orders", """
        SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate FROM customer, orders, lineitem
        WHERE c_mktsegment = %s AND c_custkey = o_custkey AND l_orderkey = o_orderkey AND o_orderdate < %s::date
        AND l_shipdate > %s::date
        GROUP BY l_orderkey, o_orderdate ORDER BY revenue DESC, o_orderdate LIMIT 10""",
          [("BUILDING", "1995-03-15", "1995-03-15"), ("MACHINERY", "1995-03-05", "1995-03-05"),
           ("FURNITURE", "1995-03-25", "1995-03-25")]),
    Query("late orders by priority", """
        SELECT o_orderpriority, count(*) FROM orders WHERE o_orderdate >= %s::date
        AND o_orderdate < %s::date + interval '3 months'
          AND EXISTS (SELECT 1 FROM lineitem WHERE l_orderkey = o_orderkey AND l_commitdate < l_receiptdate)
        GROUP BY o_orderpriority ORDER BY o_orderpriority""",
          [("1993-07-01",) * 2, ("1995-01-01",) * 2, ("1996-10-01",) * 2]),
    Query("revenue of a region's own suppliers", """
        SELECT n_name, sum(l_extendedprice * (1 - l_discount)) AS revenue FROM customer, orders, lineitem, supplier, nation,
        region
        WHERE c_custkey = o_custkey AND l_orderkey = o_orderkey AND l_suppkey = s_suppkey AND c_nationkey = s_nationkey
          AND s_nationkey = n_nationkey AND n_regionkey = r_regionkey AND r_name = %s
          AND o_orderdate >= %s::date AND o_orderdate < %s::date + interval '1 year' GROUP BY n_name ORDER BY revenue DESC""",
          [("ASIA", "1994-01-01", "1994-01-01"), ("EUROPE", "1995-01-01", "1995-01-01"), ("AFRICA", "1996-01-01", "1996-01-01")]),
    Query("revenue without a discount", """
        SELECT sum(l_extendedprice * l_discount) FROM lineitem WHERE l_shipdate >= %s::date
          AND l_shipdate < %s::date + interval '1 year' AND l_discount BETWEEN %s AND %s AND l_quantity < %s""",
          [("1994-01-01", "1994-01-01", 0.05, 0.07, 24), ("1995-01-01", "1995-01-01", 0.02, 0.04, 25),
           ("1996-01-01", "1996-01-01", 0.07, 0.09, 24)]),
    Query("volume between two nations", """
        SELECT n1.n_name, n2.n_name, extract(year FROM l_shipdate), sum(l_extendedprice * (1 - l_discount))
        FROM supplier, lineitem, orders, customer, nation n1, nation n2
        WHERE s_suppkey = l_suppkey AND o_orderkey = l_orderkey AND c_custkey = o_custkey AND s_nationkey = n1.n_nationkey
          AND c_nationkey = n2.n_nationkey AND ((n1.n_name = %s AND n2.n_name = %s) OR (n1.n_name = %s AND n2.n_name = %s))
          AND l_shipdate BETWEEN '1995-01-01' AND '1996-12-31' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
          [("FRANCE", "GERMANY", "GERMANY", "FRANCE"), ("KENYA", "PERU", "PERU", "KENYA"), ("INDIA", "IRAQ", "IRAQ", "INDIA")]),
    Query("share of a market", """
        SELECT extract(year FROM o_orderdate), sum(CASE WHEN n2.n_name = %s THEN l_extendedprice * (1 - l_discount) ELSE 0 END)
               / sum(l_extendedprice * (1 - l_discount))
        FROM part, supplier, lineitem, orders, customer, nation n1, nation n2, region
        WHERE p_partkey = l_partkey AND s_suppkey = l_suppkey AND l_orderkey = o_orderkey AND o_custkey = c_custkey
          AND c_nationkey = n1.n_nationkey AND n1.n_regionkey = r_regionkey AND r_name = %s AND s_nationkey = n2.n_nationkey
          AND o_orderdate BETWEEN '1995-01-01' AND '1996-12-31' AND p_type = %s GROUP BY 1 ORDER BY 1""",
          [("BRAZIL", "AMERICA", "ECONOMY ANODIZED STEEL"), ("KENYA", "AFRICA", "PROMO PLATED TIN"),
           ("CHINA", "ASIA", "SMALL POLISHED BRASS")]),
    Query("profit by colour", """
        SELECT n_name, extract(year FROM o_orderdate), sum(l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity)
        FROM part, supplier, lineitem, partsupp, orders, nation
        WHERE s_suppkey = l_suppkey AND ps_suppkey = l_suppkey AND ps_partkey = l_partkey AND p_partkey = l_partkey
          AND o_orderkey = l_orderkey AND s_nationkey = n_nationkey AND p_name LIKE %s GROUP BY 1, 2 ORDER BY 1, 2 DESC""",
          [("%green%",), ("%plum%",), ("%tan%",)]),
    Query("returned lines", """
        SELECT c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) AS revenue, c_acctbal, n_name
        FROM customer, orders, lineitem, nation
        WHERE c_custkey = o_custkey AND l_orderkey = o_orderkey AND o_orderdate >= %s::date
          AND o_orderdate < %s::date + interval '3 months' AND l_returnflag = 'R' AND c_nationkey = n_nationkey
        GROUP BY c_custkey, c_name, c_acctbal, n_name ORDER BY revenue DESC LIMIT 20""",
          [("1993-10-01",) * 2, ("1994-02-01",) * 2, ("1993-05-01",) * 2]),
    Query("late by ship", """
        SELECT l_shipmode, sum(CASE WHEN o_orderpriority IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END), count(*) FROM orders,
        lineitem
        WHERE o_orderkey = l_orderkey AND l_shipmode IN (%s, %s) AND l_commitdate < l_receiptdate AND l_shipdate < l_commitdate
          AND l_receiptdate >= %s::date
          AND l_receiptdate < %s::date + interval '1 year' GROUP BY l_shipmode ORDER BY l_shipmode""",
          [("MAIL", "SHIP", "1994-01-01", "1994-01-01"), ("AIR", "RAIL", "1995-01-01", "1995-01-01"),
           ("FOB", "TRUCK", "1996-01-01", "1996-01-01")]),
    Query("share of promotions", """
        SELECT 100.0 * sum(CASE WHEN p_type LIKE 'PROMO%%' THEN l_extendedprice * (1 - l_discount) ELSE 0 END)
               / sum(l_extendedprice * (1 - l_discount)) FROM lineitem, part
        WHERE l_partkey = p_partkey AND l_shipdate >= %s::date AND l_shipdate < %s::date + interval '1 month'""",
          [("1995-09-01",) * 2, ("1994-03-01",) * 2, ("1996-12-01",) * 2]),
    Query("best supplier", """
        WITH revenue AS (SELECT l_suppkey AS supplier, sum(l_extendedprice * (1 - l_discount)) AS total FROM lineitem
                         WHERE l_shipdate >= %s::date AND l_shipdate < %s::date + interval '3 months' GROUP BY l_suppkey)
        SELECT s_suppkey, s_name, total FROM supplier, revenue WHERE s_suppkey = supplier
        AND total = (SELECT max(total) FROM revenue)""",
          [("1996-01-01",) * 2, ("1994-05-01",) * 2, ("1997-02-01",) * 2]),
    Query("small quantities of a part", """
        SELECT sum(l_extendedprice) / 7.0 FROM lineitem, part WHERE p_partkey = l_partkey AND p_brand = %s AND p_container = %s
          AND l_quantity < (SELECT 0.2 * avg(l_quantity) FROM lineitem WHERE l_partkey = p_partkey)""",
          [("Brand#23", "MED BOX"), ("Brand#41", "JUMBO PKG"), ("Brand#12", "LG CASE")]),
    Query("large orders", """
        SELECT c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) FROM customer, orders, lineitem
        WHERE o_orderkey IN (SELECT l_orderkey FROM lineitem GROUP BY l_orderkey HAVING sum(l_quantity) > %s)
          AND c_custkey = o_custkey AND o_orderkey = l_orderkey
        GROUP BY c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice ORDER BY o_totalprice DESC, o_orderdate LIMIT 100""",
          [(300,), (312,), (315,)]),
    Query("revenue of three brands", """
        SELECT sum(l_extendedprice * (1 - l_discount)) FROM lineitem, part
        WHERE p_partkey = l_partkey AND l_shipmode IN ('AIR', 'REG AIR') AND l_shipinstruct = 'DELIVER IN PERSON'
          AND ((p_brand = %s AND p_container IN ('SM CASE', 'SM BOX', 'SM PKG') AND l_quantity BETWEEN 1 AND 11
                AND p_size BETWEEN 1 AND 5)
            OR (p_brand = %s AND p_container IN ('MED BAG', 'MED BOX', 'MED PKG') AND l_quantity BETWEEN 10 AND 20
                AND p_size BETWEEN 1 AND 10)
            OR (p_brand = %s AND p_container IN ('LG CASE', 'LG BOX', 'LG PKG') AND l_quantity BETWEEN 20 AND 30
                AND p_size BETWEEN 1 AND 15))""",
          [("Brand#12", "Brand#23", "Brand#34"), ("Brand#55", "Brand#14", "Brand#21"), ("Brand#33", "Brand#42", "Brand#51")]),
    Query("suppliers with too much", """
        SELECT s_name FROM supplier, nation WHERE s_nationkey = n_nationkey AND n_name = %s
          AND s_suppkey IN (SELECT ps_suppkey FROM partsupp WHERE ps_partkey IN (SELECT p_partkey FROM part WHERE p_name LIKE %s)
                              AND ps_availqty > (SELECT 0.5 * sum(l_quantity) FROM lineitem
                                                 WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey
                                                   AND l_shipdate >= %s::date AND l_shipdate < %s::date + interval '1 year'))
        ORDER BY s_name""",
          [("CANADA", "forest%", "1994-01-01", "1994-01-01"), ("KENYA", "azure%", "1995-01-01", "1995-01-01"),
           ("FRANCE", "lime%", "1996-01-01", "1996-01-01")]),
    Query("customers without orders", """
        SELECT substr(c_phone, 1, 2), count(*), sum(c_acctbal) FROM customer
        WHERE substr(c_phone, 1, 2) IN (%s, %s, %s) AND c_acctbal > (SELECT avg(c_acctbal) FROM customer WHERE c_acctbal > 0)
          AND NOT EXISTS (SELECT 1 FROM orders WHERE o_custkey = c_custkey) GROUP BY 1 ORDER BY 1""",
          [("13", "31", "23"), ("29", "30", "18"), ("11", "22", "33")]),
]

WORKLOAD = Workload(
    "tpch", "Orders and their lines, shaped like TPC-H", __doc__, tables, QUERIES,
    ["lineitem (l_partkey, l_suppkey)", "lineitem (l_shipdate)", "orders (o_custkey)", "orders (o_orderdate)"],
    [Answer("lineitem by part", lambda found: led_by(found, "lineitem", "l_partkey") or led_by(found, "lineitem", "l_partkey",
                                                                                               "l_suppkey"))],
    scale=0.1)
