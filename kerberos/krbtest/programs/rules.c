/*
 * A database module for MIT's KDC: its own one (db2), which lets nobody act for
 * users, with rules of who may (kdb.h of krb5 1.20). The environment names the
 * file, KDB_RULES, and db2's module, KDB_DB2. Lines of the file:
 *
 *   to SERVICE TARGET     SERVICE may delegate to TARGET
 *   from TARGET SERVICE   TARGET takes delegations from SERVICE: resource-based
 *
 * Names have a realm. A service of another realm, which a client asks for by an
 * enterprise name, is referred to that realm.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <krb5/krb5.h>
#include <kdb.h>

kdb_vftabl kdb_function_table;
static kdb_vftabl *db2;

/* Reports whether a line has the verb and the principals; NULL is any. */
static int
rule(krb5_context context, const char *verb, krb5_const_principal a, krb5_const_principal b)
{
	char line[1024], v[16], x[512], y[512];
	krb5_principal p, q;
	const char *path = getenv("KDB_RULES");
	FILE *f = path != NULL ? fopen(path, "r") : NULL;
	int found = 0;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%15s %511s %511s", v, x, y) != 3 || strcmp(v, verb) != 0)
			continue;
		if (krb5_parse_name(context, x, &p) != 0)
			continue;
		if (krb5_parse_name(context, y, &q) == 0) {
			found = krb5_principal_compare(context, p, a) &&
			    (b == NULL || krb5_principal_compare(context, q, b));
			krb5_free_principal(context, q);
		}
		krb5_free_principal(context, p);
	}
	if (f != NULL)
		fclose(f);
	return found;
}

static krb5_error_code
to(krb5_context context, krb5_const_principal client, const krb5_db_entry *server, krb5_const_principal target)
{
	return rule(context, "to", server->princ, target) ? 0 : KRB5KDC_ERR_BADOPTION;
}

static krb5_error_code
from(krb5_context context, krb5_const_principal client, krb5_const_principal server, krb5_pac pac,
    const krb5_db_entry *target)
{
	return rule(context, "from", target->princ, server) ? 0 : KRB5KDC_ERR_BADOPTION;
}

static krb5_error_code
get_principal(krb5_context context, krb5_const_principal name, unsigned int flags, krb5_db_entry **entry)
{
	krb5_error_code ret = db2->get_principal(context, name, flags, entry);
	krb5_principal referral;
	char text[512], *realm;

	if (ret != KRB5_KDB_NOENTRY || name->type != KRB5_NT_ENTERPRISE_PRINCIPAL || name->length != 1 ||
	    name->data[0].length >= sizeof(text))
		return ret;
	memcpy(text, name->data[0].data, name->data[0].length);
	text[name->data[0].length] = '\0';
	realm = strrchr(text, '@');
	if (realm == NULL || !(flags & KRB5_KDB_FLAG_REFERRAL_OK))
		return ret;
	if (krb5_build_principal(context, &referral, name->realm.length, name->realm.data, "krbtgt", realm + 1, NULL) != 0)
		return ret;
	ret = db2->get_principal(context, referral, flags, entry);
	krb5_free_principal(context, referral);
	return ret;
}

__attribute__((constructor)) static void
load(void)
{
	void *module = dlopen(getenv("KDB_DB2"), RTLD_NOW);

	db2 = module != NULL ? dlsym(module, "kdb_function_table") : NULL;
	if (db2 == NULL) {
		fprintf(stderr, "KDB_DB2: %s\n", dlerror());
		exit(1);
	}
	kdb_function_table = *db2;
	kdb_function_table.get_principal = get_principal;
	kdb_function_table.check_allowed_to_delegate = to;
	kdb_function_table.allowed_to_delegate_from = from;
}
