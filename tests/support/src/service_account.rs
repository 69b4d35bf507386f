use crate::process::run;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A service account of Google's with a key of its own, and who checks what it signed: the openssl program.
pub struct ServiceAccount {
    folder: PathBuf,
}

impl ServiceAccount {
    pub const EMAIL: &str = "bellwether@some-project.iam.gserviceaccount.com";
    pub const PROJECT: &str = "some-project";

    /// Makes a key, and `key.json` as `gcloud iam service-accounts keys create` writes it.
    pub fn new(folder: &Path) -> Result<ServiceAccount, String> {
        let made = ServiceAccount { folder: folder.to_owned() };
        made.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem")?;
        made.openssl("pkey -in key.pem -pubout -out public.pem")?;
        let private_key = made.read("key.pem")?;
        let json = json!({
            "type": "service_account",
            "project_id": ServiceAccount::PROJECT,
            "private_key_id": "0123456789abcdef",
            "private_key": String::from_utf8_lossy(&private_key),
            "client_email": ServiceAccount::EMAIL,
            "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        made.write("key.json", json.to_string().as_bytes())?;
        Ok(made)
    }

    /// The file that a source names under `credentials`.
    pub fn key_file(&self) -> PathBuf {
        self.folder.join("key.json")
    }

    /// The claims of a JWT that this account signed; an error where it did not.
    pub fn claims(&self, jwt: &str) -> Result<Value, String> {
        let [header, claims, signature] = jwt.split('.').collect::<Vec<_>>()[..] else {
            return Err(format!("no JWT: {jwt}"));
        };
        let signed = self.decode(signature)?;
        self.write("signature", &signed)?;
        self.write("signed", format!("{header}.{claims}").as_bytes())?;
        self.openssl("dgst -sha256 -verify public.pem -signature signature signed")?;
        let header: Value = serde_json::from_slice(&self.decode(header)?).map_err(|e| e.to_string())?;
        if header["alg"] != "RS256" {
            return Err(format!("signed by {}", header["alg"]));
        }
        serde_json::from_slice(&self.decode(claims)?).map_err(|e| e.to_string())
    }

    /// Base64 as URLs have it, without padding.
    fn decode(&self, text: &str) -> Result<Vec<u8>, String> {
        let padding = "=".repeat((4 - text.len() % 4) % 4);
        self.write("base64", format!("{}{padding}", text.replace('-', "+").replace('_', "/")).as_bytes())?;
        self.openssl("base64 -d -A -in base64 -out decoded")?;
        self.read("decoded")
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.folder.join(name)).map_err(|error| format!("{name}: {error}"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        std::fs::write(self.folder.join(name), bytes).map_err(|error| format!("{name}: {error}"))
    }

    fn openssl(&self, arguments: &str) -> Result<(), String> {
        let mut command = Command::new("openssl");
        run(command.args(arguments.split_whitespace()).current_dir(&self.folder)).map(|_| ())
    }
}
