/* A peer of package gsspeer on Heimdal's library: see doc.go of gsspeer for the protocol. */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#include <gssapi/gssapi_spnego.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
static gss_cred_id_t delegated = GSS_C_NO_CREDENTIAL;
static gss_name_t source = GSS_C_NO_NAME, target = GSS_C_NO_NAME;
static gss_OID mech;
static OM_uint32 wanted, actual;
static int initiate;
static struct gss_channel_bindings_struct bindings;
static gss_channel_bindings_t binding;

static unsigned char out[1 << 20];
static size_t n;

static void put(const void *p, size_t len)
{
    if (len > sizeof out - n)
        exit(3);
    memcpy(out + n, p, len);
    n += len;
}

/* fail answers with an error: 'e', length of the text, the text, a token. */
static void fail(const char *what, OM_uint32 major, OM_uint32 minor, gss_buffer_t token)
{
    char text[4096];
    OM_uint32 more = 0, m;
    gss_buffer_desc s;
    size_t len = snprintf(text, sizeof text, "%s %u", what, (unsigned)(GSS_ROUTINE_ERROR(major) >> GSS_C_ROUTINE_ERROR_OFFSET));
    if (GSS_SUPPLEMENTARY_INFO(major))
        len += snprintf(text + len, sizeof text - len, " supplementary %u", (unsigned)GSS_SUPPLEMENTARY_INFO(major));
    for (int kind = 0; kind < 2; kind++) {
        more = 0;
        do {
            gss_display_status(&m, kind ? minor : major, kind ? GSS_C_MECH_CODE : GSS_C_GSS_CODE, mech, &more, &s);
            if (len < sizeof text)
                len += snprintf(text + len, sizeof text - len, ": %.*s", (int)s.length, (char *)s.value);
            gss_release_buffer(&m, &s);
        } while (more);
    }
    if (len > sizeof text)
        len = sizeof text;
    unsigned char head[5] = {'e', len >> 24, len >> 16, len >> 8, len};
    n = 0;
    put(head, 5);
    put(text, len);
    if (token)
        put(token->value, token->length);
}

static void display(gss_name_t name)
{
    OM_uint32 m;
    gss_buffer_desc s = GSS_C_EMPTY_BUFFER;
    if (name != GSS_C_NO_NAME && gss_display_name(&m, name, &s, NULL) == GSS_S_COMPLETE) {
        put(s.value, s.length);
        gss_release_buffer(&m, &s);
    }
}

static void begin(char *p)
{
    OM_uint32 m;
    char *part[6];
    for (int i = 0; i < 6; i++)
        part[i] = strsep(&p, "|");
    if (ctx != GSS_C_NO_CONTEXT)
        gss_delete_sec_context(&m, &ctx, GSS_C_NO_BUFFER);
    ctx = GSS_C_NO_CONTEXT;
    delegated = GSS_C_NO_CREDENTIAL;
    source = GSS_C_NO_NAME;
    initiate = !strcmp(part[0], "initiate");
    mech = !strcmp(part[2], "spnego") ? GSS_SPNEGO_MECHANISM : GSS_KRB5_MECHANISM;
    wanted = GSS_C_INTEG_FLAG | GSS_C_CONF_FLAG;
    if (strstr(part[3], "mutual"))
        wanted |= GSS_C_MUTUAL_FLAG;
    if (strstr(part[3], "delegate"))
        wanted |= GSS_C_DELEG_FLAG;
    if (strstr(part[3], "replay"))
        wanted |= GSS_C_REPLAY_FLAG;
    if (strstr(part[3], "sequence"))
        wanted |= GSS_C_SEQUENCE_FLAG;
    memset(&bindings, 0, sizeof bindings);
    bindings.application_data.value = strdup(part[4]);
    bindings.application_data.length = strlen(part[4]);
    binding = *part[4] ? &bindings : GSS_C_NO_CHANNEL_BINDINGS;
    if (initiate) {
        gss_buffer_desc s = {strlen(part[1]), part[1]};
        OM_uint32 major = gss_import_name(&m, &s, GSS_KRB5_NT_PRINCIPAL_NAME, &target);
        if (GSS_ERROR(major))
            fail("import_name", major, m, NULL);
    }
}

static void step(gss_buffer_t in)
{
    OM_uint32 major, minor, m;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    if (initiate)
        major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &ctx, target, mech, wanted, 0, binding, in, NULL, &token, &actual, NULL);
    else
        major = gss_accept_sec_context(&minor, &ctx, GSS_C_NO_CREDENTIAL, in, binding, &source, NULL, &token, &actual, NULL, &delegated);
    if (GSS_ERROR(major)) {
        fail("sec_context", major, minor, &token);
        return;
    }
    put(major == GSS_S_COMPLETE ? "c" : "n", 1);
    put(token.value, token.length);
    gss_release_buffer(&m, &token);
}

static void info(void)
{
    OM_uint32 m;
    gss_name_t a = GSS_C_NO_NAME, b = GSS_C_NO_NAME, d = GSS_C_NO_NAME;
    char flags[32];
    gss_inquire_context(&m, ctx, &a, &b, NULL, NULL, NULL, NULL, NULL);
    display(a);
    put("|", 1);
    display(b);
    put(flags, snprintf(flags, sizeof flags, "|%u|", (unsigned)actual));
    if (delegated != GSS_C_NO_CREDENTIAL && gss_inquire_cred(&m, delegated, &d, NULL, NULL, NULL) == GSS_S_COMPLETE)
        display(d);
}

static void command(unsigned char *b, size_t len)
{
    OM_uint32 major = GSS_S_COMPLETE, minor = 0, m;
    gss_buffer_desc in = {len - 1, b + 1}, result = GSS_C_EMPTY_BUFFER, token;
    int conf = 0;
    n = 0;
    put("o", 1);
    switch (b[0]) {
    case 'N':
        begin((char *)b + 1);
        return;
    case 'T':
        step(&in);
        return;
    case 'I':
        info();
        return;
    case 'S':
    case 'P':
        major = gss_wrap(&minor, ctx, b[0] == 'S', GSS_C_QOP_DEFAULT, &in, &conf, &result);
        break;
    case 'M':
        major = gss_get_mic(&minor, ctx, GSS_C_QOP_DEFAULT, &in, &result);
        break;
    case 'U':
        major = gss_unwrap(&minor, ctx, &in, &result, &conf, NULL);
        put(conf ? "s" : "p", 1);
        break;
    case 'V':
        in.length = (size_t)b[1] << 24 | b[2] << 16 | b[3] << 8 | b[4];
        in.value = b + 5;
        token.value = b + 5 + in.length;
        token.length = len - 5 - in.length;
        major = gss_verify_mic(&minor, ctx, &in, &token, NULL);
        break;
    default:
        exit(4);
    }
    if (major != GSS_S_COMPLETE) {
        fail("message", major, minor, NULL);
        return;
    }
    put(result.value, result.length);
    gss_release_buffer(&m, &result);
}

static const char digits[] = "0123456789abcdef";

static int digit(char c)
{
    const char *p = strchr(digits, c);
    if (!p || !c)
        exit(2);
    return p - digits;
}

int main(void)
{
    static char line[4 << 20];
    static unsigned char b[2 << 20];
    while (fgets(line, sizeof line, stdin)) {
        size_t len = strcspn(line, "\n") / 2;
        for (size_t i = 0; i < len; i++)
            b[i] = digit(line[2 * i]) << 4 | digit(line[2 * i + 1]);
        b[len] = 0;
        command(b, len);
        for (size_t i = 0; i < n; i++) {
            putchar(digits[out[i] >> 4]);
            putchar(digits[out[i] & 15]);
        }
        putchar('\n');
        fflush(stdout);
    }
    return 0;
}
