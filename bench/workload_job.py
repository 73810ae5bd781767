"""Films, people and companies: a schema shaped like the one of the Join Order Benchmark, filled with made-up rows whose foreign
keys are skewed, and statements of the shape of its queries: three to eleven tables around a film, joined by every pair of
columns that are equal, with a few selective texts, and min() of what is found.

The benchmark's own queries and data are not used. The reference is what its schema has: an index on each foreign key.
"""

from workload import Answer, Query, Workload, fill, one_of, on, pick, skewed

COUNTRIES = ["[us]", "[gb]", "[de]", "[fr]", "[in]", "[jp]", "[it]", "[ca]", "[se]", "[pl]", "[dk]", "[no]", "[bg]", "[pt]",
             "[ro]"]
GENRES = ["Drama", "Comedy", "Documentary", "Short", "Romance", "Action", "Thriller", "Horror", "Animation", "Western",
          "Film-Noir"]
LANGUAGES = ["English", "German", "French", "Hindi", "Japanese", "Swedish", "Danish", "Bulgarian"]
NOTES = ["(voice)", "(producer)", "(uncredited)", "(executive producer)", "(writer)", "(as himself)", "(voice: English version)",
         "(archive footage)"]
WORDS = ["dark", "money", "river", "shadow", "kung-fu", "sequel", "murder", "hero", "marvel", "vampire", "space", "winter"]
FIRST = ["An", "Bo", "Yo", "Ti", "Ma", "Zi", "Ro", "El", "Ka", "Su"]
INFOS = ["genres", "countries", "languages", "release dates", "runtimes", "rating", "votes", "top 250 rank", "bottom 10 rank",
         "budget",
         "height", "birth notes", "mini biography", "trivia"]
KINDS = ["movie", "tv series", "tv movie", "video movie", "tv mini series", "video game", "episode"]
ROLES = ["actor", "actress", "producer", "writer", "cinematographer", "composer", "costume designer", "director", "editor",
         "guest",
         "miscellaneous crew", "production designer"]
COMPANIES = ["production companies", "distributors", "special effects companies", "miscellaneous companies"]
LINKS = ["follows", "followed by", "remake of", "features", "references", "spoofs"]
WORDLISTS = {"info_type (id, info)": INFOS, "kind_type (id, kind)": KINDS, "role_type (id, role)": ROLES,
             "company_type (id, kind)": COMPANIES, "link_type (id, link)": LINKS,
             "comp_cast_type (id, kind)": ["cast", "crew", "complete", "complete+verified"]}

TABLES = """
CREATE TABLE info_type (id int PRIMARY KEY, info text NOT NULL);
CREATE TABLE kind_type (id int PRIMARY KEY, kind text NOT NULL);
CREATE TABLE role_type (id int PRIMARY KEY, role text NOT NULL);
CREATE TABLE company_type (id int PRIMARY KEY, kind text NOT NULL);
CREATE TABLE link_type (id int PRIMARY KEY, link text NOT NULL);
CREATE TABLE comp_cast_type (id int PRIMARY KEY, kind text NOT NULL);
CREATE TABLE title (id int PRIMARY KEY, title text NOT NULL, kind_id int NOT NULL, production_year int, episode_nr int);
CREATE TABLE name (id int PRIMARY KEY, name text NOT NULL, gender char, name_pcode text);
CREATE TABLE char_name (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE keyword (id int PRIMARY KEY, keyword text NOT NULL);
CREATE TABLE company_name (id int PRIMARY KEY, name text NOT NULL, country_code text);
CREATE TABLE cast_info (id int PRIMARY KEY, person_id int NOT NULL, movie_id int NOT NULL, person_role_id int, note text,
                        role_id int NOT NULL);
CREATE TABLE movie_info (id int PRIMARY KEY, movie_id int NOT NULL, info_type_id int NOT NULL, info text NOT NULL, note text);
CREATE TABLE movie_info_idx (id int PRIMARY KEY, movie_id int NOT NULL, info_type_id int NOT NULL, info text NOT NULL);
CREATE TABLE movie_companies (id int PRIMARY KEY, movie_id int NOT NULL, company_id int NOT NULL, company_type_id int NOT NULL,
                              note text);
CREATE TABLE movie_keyword (id int PRIMARY KEY, movie_id int NOT NULL, keyword_id int NOT NULL);
CREATE TABLE movie_link (id int PRIMARY KEY, movie_id int NOT NULL, linked_movie_id int NOT NULL, link_type_id int NOT NULL);
CREATE TABLE aka_name (id int PRIMARY KEY, person_id int NOT NULL, name text NOT NULL);
CREATE TABLE aka_title (id int PRIMARY KEY, movie_id int NOT NULL, title text NOT NULL, kind_id int NOT NULL);
CREATE TABLE complete_cast (id int PRIMARY KEY, movie_id int NOT NULL, subject_id int NOT NULL, status_id int NOT NULL);
CREATE TABLE person_info (id int PRIMARY KEY, person_id int NOT NULL, info_type_id int NOT NULL, info text NOT NULL)"""


def some(salt, count, power=3):
    return f"1 + {skewed('i', salt, int(count), power)}"


def rarely(value, every):
    return f"CASE WHEN i % {every} = 0 THEN {value} END"


def tables(scale):
    """1 is 60,000 films with 600,000 parts in them."""
    films, people, companies, words = (max(int(n * scale), 100) for n in (60_000, 100_000, 8_000, 10_000))
    yield TABLES
    for table, texts in WORDLISTS.items():
        yield f"INSERT INTO {table} VALUES " + ", ".join(f"({n}, '{text}')" for n, text in enumerate(texts, 1))
    yield fill("title", ["i", f"initcap({one_of('i', 1, WORDS)}) || ' ' || md5(i::text)", some(2, len(KINDS)),
                         f"2014 - {skewed('i', 3, 110)}",
                         rarely(f"1 + {pick('i', 4, 60)}", 3)], films)
    yield fill("name", ["i", f"{one_of('i', 5, FIRST)} || md5(i::text)", one_of("i", 6, ["m", "f"]),
                        f"chr(65 + {pick('i', 7, 26)}) || {pick('i', 8, 700)}"], people)
    yield fill("char_name", ["i", f"{one_of('i', 9, FIRST, 2)} || ' ' || i"], films)
    # The first keywords, which most films have, have a word alone: 'dark', and so on.
    yield fill("keyword",
               ["i", f"CASE WHEN i <= {len(WORDS)} THEN (ARRAY{WORDS})[i] ELSE {one_of('i', 10, WORDS)} || '-' || i END"], words)
    yield fill("company_name", ["i", f"initcap({one_of('i', 11, WORDS)}) || ' Film ' || i", one_of("i", 12, COUNTRIES, 2)],
               companies)
    yield fill("cast_info", ["i", some(13, people), some(14, films, 2), rarely(some(15, films), 2),
                             rarely(one_of("i", 16, NOTES, 2), 3),
                             some(17, len(ROLES), 2)], 600_000 * scale)
    info = (f"CASE type WHEN 1 THEN {one_of('i', 19, GENRES, 2)} WHEN 2 THEN {one_of('i', 20, ['USA', 'UK', *LANGUAGES], 2)} "
            f"WHEN 3 THEN {one_of('i', 21, LANGUAGES, 2)} WHEN 4 THEN 'USA:' || 1950 + {pick('i', 22, 64)} ELSE md5(i::text) END")
    yield (f"INSERT INTO movie_info SELECT i, movie, type, {info}, CASE WHEN i % 5 = 0 THEN 'internet' END "
           f"FROM (SELECT i, {some(23, films, 2)} AS movie, {some(24, 14, 2)} AS type "
           f"FROM generate_series(1, {int(250_000 * scale)}) i) made")
    yield fill("movie_info_idx", ["i", f"1 + i * 7 % {films}", f"6 + {skewed('i', 26, 4)}",
                                  f"(1 + {pick('i', 27, 90)} / 10.0)::text"], 60_000 * scale)
    yield fill("movie_companies", ["i", some(28, films, 2), some(29, companies), some(30, 4, 2),
                                   rarely("CASE i % 3 WHEN 0 THEN '(co-production)' WHEN 1 THEN '(2008) (USA) (TV)' "
                                          "ELSE '(VHS)' END", 2)],
               120_000 * scale)
    yield fill("movie_keyword", ["i", some(31, films, 2), some(32, words)], 200_000 * scale)
    yield fill("movie_link", ["i", some(33, films), some(34, films), some(35, len(LINKS), 2)], 3_000 * scale)
    yield fill("aka_name", ["i", some(36, people), f"{one_of('i', 37, FIRST)} || md5('a' || i)"], 40_000 * scale)
    yield fill("aka_title", ["i", some(38, films), "md5('t' || i)", some(39, len(KINDS))], 15_000 * scale)
    yield fill("complete_cast", ["i", some(40, films, 2), f"1 + {pick('i', 41, 2)}", f"3 + {pick('i', 42, 2)}"], 6_000 * scale)
    yield fill("person_info", ["i", some(43, people), f"11 + {pick('i', 44, 4)}", "md5('p' || i)"], 120_000 * scale)


# alias: table, what it is joined by
JOINS = {
    "t": ("title", []), "kt": ("kind_type", ["kt.id = t.kind_id"]),
    "ci": ("cast_info", ["ci.movie_id"]), "n": ("name", ["n.id = ci.person_id"]), "rt": ("role_type", ["rt.id = ci.role_id"]),
    "chn": ("char_name", ["chn.id = ci.person_role_id"]),
    "an": ("aka_name", ["an.person_id = n.id", "an.person_id = ci.person_id"]),
    "pi": ("person_info", ["pi.person_id = n.id", "pi.person_id = ci.person_id"]),
    "it3": ("info_type", ["it3.id = pi.info_type_id"]),
    "mi": ("movie_info", ["mi.movie_id"]), "it": ("info_type", ["it.id = mi.info_type_id"]),
    "mx": ("movie_info_idx", ["mx.movie_id"]), "it2": ("info_type", ["it2.id = mx.info_type_id"]),
    "mc": ("movie_companies", ["mc.movie_id"]), "cn": ("company_name", ["cn.id = mc.company_id"]),
    "ct": ("company_type", ["ct.id = mc.company_type_id"]),
    "mk": ("movie_keyword", ["mk.movie_id"]), "k": ("keyword", ["k.id = mk.keyword_id"]),
    "ml": ("movie_link", ["ml.movie_id"]), "lt": ("link_type", ["lt.id = ml.link_type_id"]),
    "at": ("aka_title", ["at.movie_id"]),
    "cc": ("complete_cast", ["cc.movie_id"]), "ct1": ("comp_cast_type", ["ct1.id = cc.subject_id"]),
}


def statement(aliases, filters, wanted):
    """All that is of the same film is said to be equal, pair by pair, as that benchmark does."""
    conditions, of_film = [], []
    for alias in aliases:
        for condition in JOINS[alias][1]:
            if "=" in condition:
                if condition.split(" = ")[1].split(".")[0] in aliases:
                    conditions.append(condition)
            else:
                conditions += [f"{condition} = {other}" for other in ["t.id"] * ("t" in aliases) + of_film]
                of_film.append(condition)
    tables_of = ", ".join(f"{JOINS[alias][0]} {alias}" for alias in aliases)
    minima = ", ".join(f"min({column})" for column in wanted.split())
    return f"SELECT {minima} FROM {tables_of} WHERE {' AND '.join(filters + conditions)}"


# tables, what is wanted, conditions, values
SPECS = [
    ("t mc ct mx it2", "t.title mc.note",
     "ct.kind = %s; it2.info = %s; mc.note LIKE '%%(co-production)%%'; t.production_year > 2005",
     [("production companies", "top 250 rank"), ("distributors", "rating"), ("special effects companies", "votes")]),
    ("t mk k mc cn", "t.title",
     "cn.country_code = %s; k.keyword = %s",
     [("[de]", "space-511"), ("[se]", "murder-7"), ("[bg]", "hero")]),
    ("t mk k mi", "t.title",
     "k.keyword LIKE %s; mi.info IN ('Swedish', 'Danish', 'German'); t.production_year > 2005",
     [("%sequel%",), ("%winter-9%",), ("%river-12%",)]),
    ("t mx it2 mk k", "mx.info t.title",
     "it2.info = 'rating'; k.keyword LIKE %s; mx.info > %s; t.production_year > 2000",
     [("%sequel%", "9.0"), ("%hero%", "8.5"), ("%vampire-1%", "5.0")]),
    ("t mc ct mi it", "t.title",
     "ct.kind = 'production companies'; mc.note LIKE '%%(VHS)%%'; mi.info IN ('German', 'French'); t.production_year > %s",
     [(1990,), (2005,), (2010,)]),
    ("t ci n mk k", "k.keyword n.name t.title",
     "k.keyword = %s; n.name LIKE %s; t.production_year > %s",
     [("marvel", "Bo%1%2%", 2010), ("hero-20", "An%3%", 2000), ("vampire-82", "Zi%", 1990)]),
    ("t ci n an pi it3 ml lt", "n.name t.title",
     "an.name LIKE '%%a%%'; it3.info = 'mini biography'; lt.link = %s; n.name_pcode BETWEEN 'A' AND %s; n.gender = 'm'",
     [("features", "F"), ("follows", "C"), ("spoofs", "M")]),
    ("t ci n an mc cn rt", "an.name t.title",
     "ci.note = '(voice: English version)'; cn.country_code = %s; mc.note LIKE '%%(USA)%%'; rt.role = %s; n.name LIKE %s",
     [("[jp]", "actress", "%Yo%"), ("[us]", "director", "%Ti%"), ("[it]", "guest", "%Ma%")]),
    ("t ci n an chn mc cn rt", "an.name chn.name t.title",
     "ci.note IN ('(voice)', '(voice: English version)'); cn.country_code = '[us]'; n.gender = 'f'; n.name LIKE %s; "
     "rt.role = 'actress'; t.production_year BETWEEN %s AND %s",
     [("%An%", 2005, 2013), ("%12a%", 1995, 1999), ("%Su%", 1980, 1990)]),
    ("t ci chn mc cn ct rt", "chn.name t.title",
     "ci.note LIKE '%%(uncredited)%%'; cn.country_code = %s; rt.role = 'actor'; t.production_year > %s",
     [("[pl]", 2005), ("[ro]", 1990), ("[pt]", 2010)]),
    ("t mc cn ct mk k ml lt", "cn.name lt.link t.title",
     "cn.country_code <> '[pl]'; cn.name LIKE %s; ct.kind = 'production companies'; k.keyword = %s; "
     "lt.link LIKE '%%follow%%'; mc.note IS NULL; t.production_year BETWEEN 1950 AND 2013",
     [("%Film 1%", "sequel"), ("Dark%", "dark"), ("%Hero%", "money")]),
    ("t mc cn ct mi it mx it2", "cn.name mx.info t.title",
     "cn.country_code = %s; ct.kind = 'production companies'; it.info = 'genres'; it2.info = 'rating'; "
     "mi.info IN ('Drama', 'Horror'); mx.info > %s; t.production_year BETWEEN 2005 AND 2008",
     [("[us]", "8.0"), ("[dk]", "3.0"), ("[gb]", "9.5")]),
    ("t kt mc cn ct mi it mx it2", "mi.info mx.info t.title",
     "cn.country_code = %s; it2.info = 'rating'; it.info = 'release dates'; kt.kind = 'movie'; "
     "ct.kind = 'production companies'",
     [("[de]",), ("[no]",), ("[pt]",)]),
    ("t kt mi it mx it2 mk k", "mx.info t.title",
     "it.info = 'countries'; it2.info = 'rating'; k.keyword IN (%s, %s); kt.kind = 'movie'; "
     "mi.info IN ('Swedish', 'German', 'USA'); mx.info < '8.5'; t.production_year > 2010",
     [("murder", "murder-7"), ("space-91", "hero-100"), ("dark", "winter-3000")]),
    ("t at mc cn ct mi it mk k", "mi.info t.title",
     "cn.country_code = '[us]'; it.info = 'release dates'; mc.note LIKE '%%(2008)%%'; mi.note LIKE '%%internet%%'; "
     "mi.info LIKE %s; t.production_year > 2000",
     [("USA:200%",), ("USA:199%",), ("USA:201%",)]),
    ("t ci n an mc cn mk k", "an.name t.title",
     "cn.country_code = '[us]'; k.keyword = %s; t.episode_nr >= %s; t.episode_nr < 100",
     [("marvel", 50), ("murder", 5), ("hero-400", 50)]),
    ("t ci n mc cn mk k", "n.name",
     "cn.country_code = '[us]'; k.keyword = %s; n.name LIKE %s",
     [("kung-fu", "Bo%"), ("hero", "Zi%"), ("space-77", "A%")]),
    ("t ci n mi it mx it2", "mi.info mx.info t.title",
     "ci.note IN ('(producer)', '(executive producer)'); it.info = 'budget'; it2.info = 'votes'; n.gender = 'm'; "
     "n.name LIKE %s",
     [("%Ti%",), ("%b1%",), ("Ro%",)]),
    ("t ci n an chn mc cn mi it rt", "n.name t.title",
     "ci.note = '(voice)'; cn.country_code = '[us]'; it.info = 'release dates'; mi.info LIKE %s; n.gender = 'f'; "
     "n.name LIKE '%%An%%'; rt.role = 'actress'; t.production_year BETWEEN 2000 AND %s",
     [("USA:200%", 2010), ("USA:1%", 2004), ("%195%", 2014)]),
    ("t kt ci n chn cc ct1 mk k", "t.title",
     "ct1.kind = 'cast'; chn.name LIKE %s; k.keyword IN (%s, 'marvel', 'vampire'); kt.kind = 'movie'; "
     "t.production_year > 1950",
     [("%Ti%", "hero"), ("Bo 1%", "dark-113"), ("Su%", "money")]),
    ("t mc cn ct mi mk k ml lt", "cn.name lt.link t.title",
     "cn.country_code <> '[pl]'; cn.name LIKE '%%Film%%'; ct.kind = 'production companies'; k.keyword = 'sequel'; "
     "lt.link LIKE %s; mc.note IS NULL; mi.info IN ('Swedish', 'German', 'English'); t.production_year BETWEEN 1950 AND 2010",
     [("%follow%",), ("spoofs",), ("%remake%",)]),
    ("t kt mc cn ct mi it mx it2 mk k", "cn.name mx.info t.title",
     "cn.country_code <> '[us]'; it.info = 'countries'; it2.info = 'rating'; k.keyword IN ('murder', 'dark', %s); "
     "kt.kind IN ('movie', 'episode'); mc.note NOT LIKE '%%(USA)%%'; mi.info IN ('German', 'Danish'); mx.info < '7.0'; "
     "t.production_year > %s",
     [("hero-31", 2008), ("money-44", 2000), ("space", 2012)]),
    ("t kt cc ct1 mc cn ct mi it mk k", "kt.kind t.title",
     "ct1.kind = 'cast'; cn.country_code = '[us]'; it.info = 'release dates'; kt.kind IN ('movie', 'tv movie'); "
     "mi.note LIKE '%%internet%%'; mi.info LIKE %s; t.production_year > 2000",
     [("USA:199%",), ("USA:20%",), ("USA:196%",)]),
    ("t ci n an chn mc cn mi it mk k", "chn.name n.name t.title",
     "ci.note = '(voice: English version)'; cn.country_code = '[us]'; it.info = 'release dates'; k.keyword IN ('hero', %s); "
     "mi.info LIKE 'USA:201%%'; n.name LIKE '%%An%%'; t.production_year > 2010",
     [("marvel",), ("kung-fu",), ("space-17",)]),
    ("t ci n mi it mx it2 mk k", "mi.info mx.info n.name t.title",
     "ci.note IN ('(writer)', '(producer)'); it.info = 'genres'; it2.info = 'votes'; k.keyword IN ('murder', %s); "
     "mi.info = %s; n.gender = 'm'",
     [("vampire", "Horror"), ("dark-905", "Western"), ("hero", "Film-Noir")]),
    ("t ml lt mk k", "t.title lt.link",
     "lt.link = %s; k.keyword = %s",
     [("follows", "winter"), ("remake of", "money"), ("features", "space-3")]),
    ("n ci", "ci.movie_id",
     "n.name = %s; ci.role_id = 8",
     [("An00000000000000000000000000000000",), ("Bo11111111111111111111111111111111",), ("Zi22222222222222222222222222222222",)]),
    ("t kt", "t.title",
     "kt.kind = 'video game'; t.title LIKE %s",
     [("Vampire a%",), ("Hero 1%",), ("Space 00%",)]),
    ("t ci rt", "ci.person_id",
     "rt.role = %s; t.title = %s",
     [("director", "Dark 1"), ("writer", "Dark 2"), ("actor", "Winter 3")]),
    ("t mi it", "t.title",
     "it.info = 'runtimes'; t.production_year = %s; mi.info LIKE %s",
     [(1950, "a%"), (1934, "%b1%"), (1920, "0%")]),
    ("cn mc t", "t.title",
     "cn.name = %s; t.production_year BETWEEN 1990 AND 2000",
     [("Dark Film 7",), ("Hero Film 4001",), ("Money Film 99",)]),
    ("n an", "n.name",
     "an.name LIKE %s; n.gender = 'f'",
     [("Su00%",), ("Ka1f%",), ("El9%",)]),
    ("t mx it2 kt", "t.title",
     "it2.info = 'top 250 rank'; mx.info > %s; kt.kind = %s",
     [("9.5", "movie"), ("9.0", "tv series"), ("9.8", "episode")]),
]

# Of the tables with foreign keys, each of them.
REFERENCE = [
    "cast_info (person_id)", "cast_info (movie_id)", "cast_info (person_role_id)", "cast_info (role_id)", "movie_info (movie_id)",
    "movie_info (info_type_id)", "movie_info_idx (movie_id)", "movie_info_idx (info_type_id)", "movie_companies (movie_id)",
    "movie_companies (company_id)", "movie_companies (company_type_id)", "movie_keyword (movie_id)", "movie_keyword (keyword_id)",
    "movie_link (movie_id)", "movie_link (linked_movie_id)", "movie_link (link_type_id)", "aka_name (person_id)",
    "aka_title (movie_id)",
    "aka_title (kind_id)", "complete_cast (movie_id)", "person_info (person_id)", "person_info (info_type_id)", "title (kind_id)"]

WORKLOAD = Workload(
    "job", "Films, shaped like the Join Order Benchmark", __doc__, tables,
    [Query(f"{number:02} {aliases}", statement(aliases.split(), filters.split("; "), wanted), values)
     for number, (aliases, wanted, filters, values) in enumerate(SPECS, 1)],
    REFERENCE,
    [Answer("nothing for lists of words", lambda found: not any(on(found, table.split()[0]) for table in WORDLISTS))],
    reference_is_a_bar=False)
