# Has MIT's library read krb5.conf. Of each line of standard input the first word says what is asked:
# "files" with a list of files as KRB5_CONFIG has it: "R" with path and values for each relation, for a single file also "S" with
# path for each section, names in hexadecimal;
# "kdc" with an entry in hexadecimal: host and port;
# "ccache" with a file: the name of the credential cache that it gives.
# What is refused is "refused". A line with a dot ends each answer.
import ctypes
import os
import sys

krb5 = ctypes.CDLL("libkrb5.so.3")
for function in ("profile_init", "profile_get_values", "profile_get_subsection_names", "profile_get_relation_names"):
    getattr(krb5, function).restype = ctypes.c_long


def strings(items):
    return (ctypes.c_char_p * (len(items) + 1))(*items, None)


def open_files(files):
    profile = ctypes.c_void_p()
    failed = krb5.profile_init(strings(files), ctypes.byref(profile))
    return None if failed else profile


def ask(function, profile, path):
    result = ctypes.POINTER(ctypes.c_char_p)()
    if getattr(krb5, function)(profile, strings(path), ctypes.byref(result)):
        return []
    items = []
    while result[len(items)] is not None:
        items.append(result[len(items)])
    krb5.profile_free_list(result)
    return items


def walk(profile, path, sections, relations):
    for name in ask("profile_get_relation_names", profile, path):
        relations.add(path + (name,))
    for name in ask("profile_get_subsection_names", profile, path):
        sections.add(path + (name,))
        walk(profile, path + (name,), sections, relations)


def text(path):
    return "/".join(name.hex() for name in path)


def read(files):
    profile = open_files(files)
    if profile is None:
        return ["refused"]
    sections, relations = set(), set()
    for file in files:  # listings over several files end where one has a final name
        single = open_files([file])
        if single is not None:
            walk(single, (), sections, relations)
            krb5.profile_release(single)
    lines = ["S " + text(path) for path in sections] if len(files) == 1 else []
    for path in relations:
        values = ask("profile_get_values", profile, path)
        if values:
            lines.append("R " + text(path) + " " + ",".join(value.hex() for value in values))
    krb5.profile_release(profile)
    return sorted(lines)


def parse_kdc(entry):
    host, port = ctypes.c_char_p(), ctypes.c_int()
    failed = krb5.k5_parse_host_string(bytes.fromhex(entry), 88, ctypes.byref(host), ctypes.byref(port))
    return ["refused"] if failed or host.value is None else ["%s %d" % (host.value.decode(), port.value)]


def default_ccache(file):
    os.environ["KRB5_CONFIG"] = file
    context = ctypes.c_void_p()
    if krb5.krb5_init_context(ctypes.byref(context)):
        return ["refused"]
    name = krb5.krb5_cc_default_name(context)
    answer = ["refused"] if name is None else [name.decode()]
    krb5.krb5_free_context(context)
    return answer


krb5.krb5_cc_default_name.restype = ctypes.c_char_p
for line in sys.stdin:
    what, _, argument = line.rstrip("\n").partition(" ")
    if what == "files":
        answer = read(os.fsencode(argument).split(b":"))
    else:
        answer = {"kdc": parse_kdc, "ccache": default_ccache}[what](argument)
    for line in answer:
        print(line)
    print(".")
