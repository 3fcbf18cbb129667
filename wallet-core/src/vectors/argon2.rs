//! Argon2id: RFC 9106, section 5.3.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};

use super::array;

#[test]
fn the_library_under_key_files_hashes_as_rfc_9106_says() {
    let mut params = ParamsBuilder::new();
    params.m_cost(32).t_cost(3).p_cost(4).output_len(32);
    params.data(AssociatedData::new(&[4; 12]).unwrap());
    let secret = [3; 8];
    let hasher = Argon2::new_with_secret(
        &secret,
        Algorithm::Argon2id,
        Version::V0x13,
        params.build().unwrap(),
    );
    let mut tag = [0; 32];
    hasher.unwrap().hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
    assert_eq!(tag, array("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"));
}
